/*
 * Forward integrity. Each epoch (a second of activity) has an Ed25519 key; its last block is a
 * signature over the head before it and the next epoch's public key, and then the key is erased, so
 * that who breaks in later cannot rewrite it.
 *
 * STATE/audit/epoch.key holds the live key's seed, sealed, in two slots a page apart; an epoch has
 * the slot of its number's lowest bit. Ending epoch e:
 *   1. make the key of e+1, write its slot, flush: both keys are on disk;
 *   2. append the block that signs e and names e+1, flush the audit;
 *   3. overwrite the slot of e with random bytes, flush.
 * Whatever the chain says after a crash, the key it names is there: before 2 is durable that of e
 * (that of e+1 is then thrown away), afterwards that of e+1. A torn write hits only the slot that
 * is not needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vaultd/base/bytes.h"
#include "vaultd/base/random.h"
#include "vaultd/core/audit_state.h"
#include "vaultd/crypto/kdf.h"

#define EPOCH_FILE "epoch.key"
#define EPOCH_PAGE 4096 /* from one slot to the other: they never share a sector */
#define EPOCH_LABEL "vaultd audit epoch key 1"
#define SIGN_LABEL "vaultd audit epoch 1"
#define SIGN_BYTES                                                                                 \
	(sizeof(SIGN_LABEL) + AUDIT_STORE_ID_BYTES + 8 + 8 + SHA256_BYTES + ED25519_PUBLIC_BYTES)

/* A slot: epoch u64, nonce, seed sealed with (store id, epoch) as associated data. */
enum { SLOT_NONCE = 8, SLOT_SEALED = SLOT_NONCE + AEAD_NONCE_BYTES };
_Static_assert(SLOT_SEALED + ED25519_SEED_BYTES + AEAD_TAG_BYTES == AUDIT_EPOCH_SLOT, "slot size");

/* The detail of a signature's record. */
enum {
	DETAIL_EPOCH = 0,
	DETAIL_SEQ = 8,
	DETAIL_HASH = 16,
	DETAIL_NEXT = 48,
	DETAIL_SIGNATURE = 80,
	DETAIL_BYTES = 144,
};
_Static_assert(DETAIL_BYTES <= AUDIT_DETAIL_MAX, "detail size");

static void
slot_bind(const struct audit *audit, const uint8_t *slot,
	  uint8_t ad[static AUDIT_STORE_ID_BYTES + 8])
{
	memcpy(ad, audit->store_id, AUDIT_STORE_ID_BYTES);
	memcpy(ad + AUDIT_STORE_ID_BYTES, slot, 8);
}

static void
slot_seal(struct audit *audit, uint64_t epoch, const struct ed25519_key *pair)
{
	uint8_t *slot = audit->epoch_file.slots[epoch & 1];
	uint8_t key[KDF_KEY_BYTES], ad[AUDIT_STORE_ID_BYTES + 8];

	put_le64(slot, epoch);
	slot_bind(audit, slot, ad);
	kdf_derive(audit->ring->keys.p, EPOCH_LABEL, key);
	/* RFC 8032's seed is the first half of what ed25519.h keeps. */
	aead_seal(key, slot + SLOT_NONCE, (struct vault_bytes){ ad, sizeof(ad) },
		  (struct vault_bytes){ pair->secret.p, ED25519_SEED_BYTES }, slot + SLOT_SEALED);
	secret_wipe(key, sizeof(key));
}

static enum vault_err
slot_open(struct audit *audit, const uint8_t *slot, struct ed25519_key *pair)
{
	const struct secret *keys = &audit->ring->keys;
	uint8_t key[KDF_KEY_BYTES], ad[AUDIT_STORE_ID_BYTES + 8];
	enum vault_err err = VAULT_INTEGRITY;

	SECRET_LOCAL(seed);

	TRY(secret_new(audit->arena, ED25519_SEED_BYTES, &seed));
	slot_bind(audit, slot, ad);
	/* The file is not the store's: it may be older than the store's last rekey. */
	for (size_t at = 0; at < keys->len && err == VAULT_INTEGRITY; at += KDF_KEY_BYTES) {
		kdf_derive(keys->p + at, EPOCH_LABEL, key);
		err = aead_open(
			key, slot + SLOT_NONCE, (struct vault_bytes){ ad, sizeof(ad) },
			(struct vault_bytes){ slot + SLOT_SEALED, AUDIT_EPOCH_SLOT - SLOT_SEALED },
			seed.p);
	}
	secret_wipe(key, sizeof(key));
	TRY(err);
	return ed25519_from_seed(pair, audit->arena, seed.p);
}

/* Opens the file for writing; where it is missing it is made, and its name flushed. */
static int
file_open(int dir)
{
	int fd = openat(dir, EPOCH_FILE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = openat(dir, EPOCH_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && fsync(dir) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Both slots, in place, so that what was there is overwritten and not only forgotten. */
static enum vault_err
file_write(struct audit *audit)
{
	int dir = audit_dir_open(audit->path);
	int fd = dir < 0 ? -1 : file_open(dir);
	enum vault_err err = fd < 0 ? VAULT_AUDIT_UNAVAILABLE : VAULT_OK;

	for (int i = 0; i < 2 && err == VAULT_OK; i++)
		err = audit_write_at(fd, audit->epoch_file.slots[i], AUDIT_EPOCH_SLOT,
				     (uint64_t)i * EPOCH_PAGE);
	if (err == VAULT_OK && fdatasync(fd) != 0)
		err = VAULT_AUDIT_UNAVAILABLE;
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return err;
}

static enum vault_err
file_read(struct audit *audit)
{
	int dir = audit_dir_open(audit->path);
	int fd = dir < 0 ? -1
			 : openat(dir, EPOCH_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool missing = fd < 0 && errno == ENOENT;

	memset(&audit->epoch_file, 0, sizeof(audit->epoch_file));
	/* A short slot stays a zero one, which does not open. */
	for (int i = 0; i < 2 && fd >= 0; i++) {
		uint8_t slot[AUDIT_EPOCH_SLOT];

		if (pread(fd, slot, sizeof(slot), (off_t)i * EPOCH_PAGE) == (ssize_t)sizeof(slot))
			memcpy(audit->epoch_file.slots[i], slot, sizeof(slot));
	}
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	if (fd < 0)
		return missing ? VAULT_INTEGRITY : VAULT_AUDIT_UNAVAILABLE;
	return VAULT_OK;
}

static enum vault_err
pair_make(struct audit *audit, struct ed25519_key *pair)
{
	SECRET_LOCAL(seed);

	TRY(secret_random(audit->arena, ED25519_SEED_BYTES, &seed));
	return ed25519_from_seed(pair, audit->arena, seed.p);
}

static void
slot_erase(struct audit *audit, uint64_t epoch)
{
	random_bytes(audit->epoch_file.slots[epoch & 1], AUDIT_EPOCH_SLOT);
}

enum vault_err
audit_epoch_anew(struct audit *audit, uint64_t epoch)
{
	ed25519_free(&audit->epoch_key);
	TRY(pair_make(audit, &audit->epoch_key));
	audit->epoch = epoch;
	slot_erase(audit, epoch + 1);
	slot_seal(audit, epoch, &audit->epoch_key);
	return file_write(audit);
}

enum vault_err
audit_epoch_first(struct audit *audit)
{
	return audit_epoch_anew(audit, 1);
}

enum vault_err
audit_epoch_load(struct audit *audit, uint64_t epoch, const uint8_t public_key[static 32])
{
	const uint8_t *slot = audit->epoch_file.slots[epoch & 1];

	TRY(file_read(audit));
	if (get_le64(slot) != epoch)
		return VAULT_INTEGRITY;
	TRY(slot_open(audit, slot, &audit->epoch_key));
	if (memcmp(audit->epoch_key.public_key, public_key, ED25519_PUBLIC_BYTES) != 0)
		return VAULT_INTEGRITY;
	audit->epoch = epoch;
	slot_erase(audit, epoch + 1);
	return file_write(audit);
}

static void
sign_bytes(const uint8_t *store_id, const uint8_t *detail, uint8_t out[static SIGN_BYTES])
{
	memcpy(out, SIGN_LABEL, sizeof(SIGN_LABEL));
	out += sizeof(SIGN_LABEL);
	memcpy(out, store_id, AUDIT_STORE_ID_BYTES);
	memcpy(out + AUDIT_STORE_ID_BYTES, detail, DETAIL_SIGNATURE);
}

/* Step 2 without the flush; the next key becomes the live one. */
static enum vault_err
epoch_append(struct audit *audit, int64_t now_ns)
{
	uint8_t detail[DETAIL_BYTES], message[SIGN_BYTES];
	struct audit_record rec = {
		.event = AUDIT_EVENT_EPOCH,
		.method = AUDIT_METHOD_NONE,
		.time_ns = now_ns,
		.detail = { detail, sizeof(detail) },
	};

	TRY(audit_room(audit, audit_block_length(AUDIT_RECORD_MAX), now_ns));
	put_le64(detail + DETAIL_EPOCH, audit->epoch);
	put_le64(detail + DETAIL_SEQ, audit->head.seq);
	memcpy(detail + DETAIL_HASH, audit->head.hash, SHA256_BYTES);
	memcpy(detail + DETAIL_NEXT, audit->next_epoch.public_key, ED25519_PUBLIC_BYTES);
	sign_bytes(audit->store_id, detail, message);
	ed25519_sign(&audit->epoch_key, (struct vault_bytes){ message, sizeof(message) },
		     detail + DETAIL_SIGNATURE);
	TRY(audit_put_event(audit, &rec, AUDIT_FLAG_EPOCH));
	ed25519_free(&audit->epoch_key);
	audit->epoch_key = audit->next_epoch;
	audit->next_epoch = (struct ed25519_key){ 0 };
	audit->epoch++;
	audit->epoch_seq = audit->head.seq;
	return VAULT_OK;
}

/* Step 3; what is left of it after a failure is done before the next epoch ends. */
static enum vault_err
epoch_erase(struct audit *audit)
{
	if (!audit->epoch_erase)
		return VAULT_OK;
	slot_erase(audit, audit->epoch + 1);
	TRY(file_write(audit));
	audit->epoch_erase = false;
	return VAULT_OK;
}

enum vault_err
audit_epoch_close(struct audit *audit, int64_t now_ns)
{
	struct audit_head head;
	enum vault_err err = VAULT_OK;

	TRY(epoch_erase(audit));
	if (audit->next_epoch.secret.p == NULL) {
		struct ed25519_key next = { 0 };

		TRY(pair_make(audit, &next));
		slot_seal(audit, audit->epoch + 1, &next);
		err = file_write(audit);
		if (err != VAULT_OK) {
			ed25519_free(&next);
			return err;
		}
		audit->next_epoch = next;
	}
	pthread_mutex_lock(&audit->append);
	err = epoch_append(audit, now_ns);
	head = audit->head;
	pthread_mutex_unlock(&audit->append);
	TRY(err);
	audit->epoch_erase = true;
	TRY(audit_flush(audit, &head));
	return epoch_erase(audit);
}

void
audit_epoch_free(struct audit *audit)
{
	ed25519_free(&audit->epoch_key);
	ed25519_free(&audit->next_epoch);
	secret_wipe(&audit->epoch_file, sizeof(audit->epoch_file));
	audit->epoch_erase = false;
	audit->epoch = 0;
}

bool
audit_epoch_follow(const struct audit_record *rec,
		   const uint8_t store_id[static AUDIT_STORE_ID_BYTES],
		   const struct audit_head *before, uint64_t *epoch, uint8_t public_key[static 32])
{
	const uint8_t *detail = rec->detail.p;
	uint8_t message[SIGN_BYTES];

	if (rec->event != AUDIT_EVENT_EPOCH || rec->detail.len != DETAIL_BYTES)
		return false;
	if (get_le64(detail + DETAIL_EPOCH) != *epoch ||
	    get_le64(detail + DETAIL_SEQ) != before->seq ||
	    memcmp(detail + DETAIL_HASH, before->hash, SHA256_BYTES) != 0)
		return false;
	sign_bytes(store_id, detail, message);
	if (!ed25519_verify(
		    public_key, (struct vault_bytes){ message, sizeof(message) },
		    (struct vault_bytes){ detail + DETAIL_SIGNATURE, ED25519_SIGNATURE_BYTES }))
		return false;
	memcpy(public_key, detail + DETAIL_NEXT, ED25519_PUBLIC_BYTES);
	*epoch += 1;
	return true;
}
