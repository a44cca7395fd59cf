#include "vaultd/core/lockout.h"

#include <arpa/inet.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/crypto/hash.h"

#define SWEEP_ROWS 8 /* looked at for expired ones whenever a lock is written; two would keep up */
#define ADDRESS_TEXT_MAX INET6_ADDRSTRLEN
#define SOURCE_PREFIX_V6 8			 /* bytes: a /64 is one customer's */
#define V4_MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff" /* RFC 4291 section 2.5.5.2 */

/* What a source counts as: four or eight bytes of an address, or its text where it is none. */
static struct vault_bytes
reduce(struct vault_text source, uint8_t address[static 16])
{
	char text[ADDRESS_TEXT_MAX] = { 0 };

	if (source.p == NULL || source.len >= sizeof text)
		return text_bytes(source);
	memcpy(text, source.p, source.len);
	if (inet_pton(AF_INET, text, address) == 1)
		return (struct vault_bytes){ address, 4 };
	if (inet_pton(AF_INET6, text, address) != 1)
		return text_bytes(source);
	if (memcmp(address, V4_MAPPED, 12) == 0)
		return (struct vault_bytes){ address + 12, 4 };
	return (struct vault_bytes){ address, SOURCE_PREFIX_V6 };
}

static void
add_part(struct sha256 *h, struct vault_bytes part)
{
	uint64_t len = part.len;

	sha256_add(h, &len, sizeof len);
	if (len > 0)
		sha256_add(h, part.p, part.len);
}

struct lockout_id
lockout_id_of(enum lockout_kind kind, uint32_t tenant, struct vault_bytes what,
	      struct vault_text source)
{
	uint8_t head[6] = { (uint8_t)kind, source.p != NULL }, address[16], hash[SHA256_BYTES];
	struct lockout_id id;
	struct sha256 h;

	memcpy(head + 2, &tenant, sizeof tenant);
	sha256_start(&h);
	sha256_add(&h, head, sizeof head);
	add_part(&h, what);
	add_part(&h, reduce(source, address));
	sha256_end(&h, hash);
	memcpy(id.bytes, hash, sizeof id.bytes);
	return id;
}

enum vault_err
lockout_check(struct op *op, const struct lockout_id *id)
{
	int64_t left = lockouts_left(&op->vault->lockouts, id, op->now.boot_ms);

	if (left == 0)
		return VAULT_OK;
	(void)op_fail(op, VAULT_LOCKED, NULL, "locked after too many failures");
	op->fail.retry_after_ms = left;
	return VAULT_LOCKED;
}

static struct row_key
lockout_place(const struct vault *vault, const struct lockout_id *id)
{
	return row_key_of(&vault->keyring.store, ROW_LOCKOUT,
			  (struct vault_bytes){ id->bytes, sizeof id->bytes });
}

static bool
same_boot(const struct vault *vault, struct vault_bytes boot_id)
{
	static const uint8_t unknown[BOOT_ID_BYTES];
	const uint8_t *ours = vault->settings.boot_id;

	return memcmp(ours, unknown, sizeof unknown) != 0 && boot_id.len == BOOT_ID_BYTES &&
	       memcmp(ours, boot_id.p, BOOT_ID_BYTES) == 0;
}

/*
 * Milliseconds that a lock still holds. Within one boot the clock that nobody sets decides; across
 * boots only the wall clock can: moved back behind the lock it says nothing, and the lock begins
 * anew.
 */
static int64_t
left_of(const struct vault *vault, const struct lockout_record *record, const struct clock_now *now)
{
	int64_t left;

	if (same_boot(vault, record->boot_id))
		left = record->until_boot_ms - now->boot_ms;
	else if (now->wall < record->locked_at)
		left = record->block_ms;
	else if (now->wall >= record->until)
		left = 0;
	else
		left = (record->until - now->wall) * 1000;
	return left < 0 ? 0 : left > record->block_ms ? record->block_ms : left;
}

/* Collects expired rows behind where the last sweep ended; the walk ends before any is deleted. */
static enum vault_err
find_expired(struct op *op, struct row *expired, unsigned *n)
{
	struct vault *vault = op->vault;
	struct lockout_record record;
	struct vault_bytes sealed;
	enum vault_err err = VAULT_OK;
	struct row_walk walk;
	struct row_key key;
	uint64_t id;

	TRY(row_walk_open(op->txn, 0, ROW_LOCKOUT, vault->lockouts.swept, &walk));
	for (unsigned i = 0; i < SWEEP_ROWS && err == VAULT_OK; i++) {
		err = row_walk_next(&walk, &key, &id, &sealed);
		if (err != VAULT_OK)
			break;
		memcpy(vault->lockouts.swept, key.tag, sizeof key.tag);
		err = sealed_open(&vault->keyring.store, &key, sealed, &expired[*n]);
		if (err == VAULT_OK)
			err = record_decode(lockout_record_type(), row_plain(&expired[*n]), NULL,
					    &record);
		if (err == VAULT_OK && left_of(vault, &record, &op->now) == 0)
			expired[(*n)++].id = id;
	}
	row_walk_close(&walk);
	if (err == VAULT_NOT_FOUND)
		memset(vault->lockouts.swept, 0, sizeof vault->lockouts.swept);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
sweep(struct op *op)
{
	struct row expired[SWEEP_ROWS + 1] = { 0 };
	enum vault_err err;
	unsigned n = 0;

	err = find_expired(op, expired, &n);
	for (unsigned i = 0; i < n && err == VAULT_OK; i++)
		err = sealed_delete(op->change, &expired[i]);
	for (unsigned i = 0; i <= SWEEP_ROWS; i++)
		row_free(&expired[i]);
	return err;
}

static enum vault_err
write_lock(struct op *op, const struct lockout_id *id, int64_t block_ms)
{
	const struct row_keys *store = &op->vault->keyring.store;
	struct lockout_record record = {
		.id = { id->bytes, sizeof id->bytes },
		.locked_at = op->now.wall,
		.until = op->now.wall + (block_ms + 999) / 1000,
		.block_ms = block_ms,
		.boot_id = { op->vault->settings.boot_id, BOOT_ID_BYTES },
		.until_boot_ms = op->now.boot_ms + block_ms,
	};
	struct row_key key = lockout_place(op->vault, id);
	enum vault_err err;
	ROW_LOCAL(row);

	TRY(sweep(op));
	err = sealed_find(op->txn, store, &key, &row);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	row.key = key;
	return sealed_put(op->change, store, &row, lockout_record_type(), &record);
}

enum vault_err
lockout_failed(struct op *op, const struct lockout_id *id, const struct lockout_rule *rule)
{
	switch (lockouts_count(&op->vault->lockouts, id, rule, op->now.boot_ms,
			       op->change != NULL)) {
	case LOCKOUT_COUNTED:
		return VAULT_OK;
	case LOCKOUT_FULL:
		return VAULT_BUSY;
	case LOCKOUT_LOCKS:
		break;
	}
	if (op->change == NULL) {
		op->deferred = true;
		return VAULT_BUSY;
	}
	TRY(write_lock(op, id, rule->block_ms));
	op->effects.keep = true;
	return VAULT_OK;
}

/* The row of a lock that expired stays, harmless, until a later lock's sweep finds it. */
void
lockout_succeeded(struct op *op, const struct lockout_id *id)
{
	lockouts_clear(&op->vault->lockouts, id, op->now.boot_ms);
}

static enum vault_err
load_row(struct vault *vault, const struct row *row, const struct clock_now *now)
{
	struct lockout_record record;
	struct lockout_id id;
	int64_t left;

	TRY(record_decode(lockout_record_type(), row_plain(row), NULL, &record));
	if (record.id.len != sizeof id.bytes)
		return VAULT_INTEGRITY;
	memcpy(id.bytes, record.id.p, sizeof id.bytes);
	left = left_of(vault, &record, now);
	if (left > 0 && !lockouts_lock(&vault->lockouts, &id, now->boot_ms + left))
		return VAULT_BUSY;
	return VAULT_OK;
}

enum vault_err
lockout_load(struct vault *vault, struct txn *txn, const struct clock_now *now)
{
	struct vault_bytes sealed;
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	TRY(row_walk_open(txn, 0, ROW_LOCKOUT, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, &sealed)) == VAULT_OK) {
		ROW_LOCAL(row);

		err = sealed_open(&vault->keyring.store, &key, sealed, &row);
		if (err == VAULT_OK)
			err = load_row(vault, &row, now);
		if (err != VAULT_OK)
			break;
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}
