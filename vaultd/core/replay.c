#include "vaultd/core/replay.h"

#include <string.h>

#include "protocol/codec.h"
#include "protocol/text.h"
#include "protocol/value.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/tenant.h"
#include "vaultd/crypto/kdf.h"
#include "vaultd/crypto/mac.h"

#define EXPIRY_BYTES 8 /* of an expiry entry's tag: the time, big-endian; then the row's own tag */
#define EXPIRY_TAG_BYTES (ROW_TAG_BYTES - EXPIRY_BYTES)

/* An answer's row as the index of expiry knows it. */
struct expiry {
	struct row_key place; /* in that index */
	uint64_t id;
};

static const struct row_keys *
keys_of(const struct op *op)
{
	return &op->vault->keyring.store;
}

/* Of its own, derived from the name key, because that one makes tags. */
static enum vault_err
hash_fields(const struct op *op, const struct buf *encoded, uint8_t out[static REPLAY_FIELDS_BYTES])
{
	uint8_t derived[KDF_KEY_BYTES];
	struct mac_key key;
	enum vault_err err;

	kdf_derive(keys_of(op)->name.p, "vaultd replay fields", derived);
	err = mac_key_init(&key, op->vault->arena, MAC_SHA256,
			   (struct vault_bytes){ derived, sizeof derived });
	secret_wipe(derived, sizeof derived);
	TRY(err);
	mac_once(&key, (struct vault_bytes){ buf_data(encoded), buf_len(encoded) }, out);
	mac_key_free(&key);
	return VAULT_OK;
}

/* The place is made of the first two values, the hash of all: so a tag's collision is a conflict. */
static enum vault_err
identify(struct op *op, const void *req, struct buf *encoded, struct replay *replay)
{
	struct codec_writer writer = { .out = encoded, .sorted = true };
	struct vault_text principal;

	TRY(principal_of(op, &principal));
	value_text(&writer, principal);
	value_text(&writer, op->common.request_id);
	if (writer.failed)
		return VAULT_BUSY;
	replay->place = row_key_of(keys_of(op), ROW_REPLAY,
				   (struct vault_bytes){ buf_data(encoded), buf_len(encoded) });
	value_int(&writer, op->row->number);
	codec_write(&writer, op->row->request(), req);
	if (writer.failed)
		return VAULT_BUSY;
	return hash_fields(op, encoded, replay->fields);
}

enum vault_err
replay_of(struct op *op, const void *req, struct replay *replay)
{
	struct buf encoded = { 0 };
	enum vault_err err;

	*replay = (struct replay){ 0 };
	err = identify(op, req, &encoded, replay);
	buf_free(&encoded);
	return err;
}

/*
 * Within a day both ways: a wall clock that was put back loses no answer of the last day, and one
 * that was far ahead leaves none that holds until then.
 */
static bool
counts(int64_t created_at, int64_t now)
{
	return now < created_at + REPLAY_SECONDS && created_at < now + REPLAY_SECONDS;
}

static bool
same_fields(const struct replay *replay, struct vault_bytes kept)
{
	uint8_t differs = 0;

	if (kept.len != REPLAY_FIELDS_BYTES)
		return false;
	for (size_t i = 0; i < REPLAY_FIELDS_BYTES; i++)
		differs |= replay->fields[i] ^ kept.p[i];
	return differs == 0;
}

static void
note_target(struct op *op, const struct replay_record *record)
{
	op->note.replayed = true;
	op->note.version = (uint32_t)record->version.v;
	if (!record->target_kind.set || record->target_tag.len != ROW_TAG_BYTES)
		return;
	op->note.target.kind = (uint8_t)record->target_kind.v;
	memcpy(op->note.target.tag, record->target_tag.p, ROW_TAG_BYTES);
}

enum vault_err
replay_find(struct op *op, struct replay *replay, struct vault_map *result)
{
	struct replay_record record;
	struct vault_bytes kept;
	ROW_LOCAL(row);

	TRY(sealed_find(op->txn, keys_of(op), &replay->place, &row));
	TRY(record_decode(replay_record_type(), row_plain(&row), op->scratch, &record));
	if (!counts(record.created_at, op->now.wall)) {
		replay->expired_id = row.id;
		replay->expired_created = record.created_at;
		return VAULT_NOT_FOUND;
	}
	if (!same_fields(replay, record.fields))
		return op_fail(op, VAULT_CONFLICT, "request_id",
			       "the id stands for another request of the last 24 hours");
	TRY(op_keep_bytes(op, (struct vault_bytes){ record.result.p, record.result.len }, &kept));
	*result = (struct vault_map){ kept.p, kept.len };
	note_target(op, &record);
	return VAULT_OK;
}

static struct expiry
expiry_of(const struct row_key *place, uint64_t id, int64_t created_at)
{
	struct expiry expiry = { .place = { .kind = ROW_REPLAY_EXPIRY }, .id = id };
	uint64_t at = (uint64_t)created_at + REPLAY_SECONDS;

	put_be(expiry.place.tag, at, EXPIRY_BYTES);
	memcpy(expiry.place.tag + EXPIRY_BYTES, place->tag, EXPIRY_TAG_BYTES);
	return expiry;
}

static int64_t
expiry_time(const struct expiry *expiry)
{
	return (int64_t)get_be(expiry->place.tag, EXPIRY_BYTES);
}

static enum vault_err
remove_row(struct op *op, const struct row_key *place, const struct expiry *expiry)
{
	const struct row row = { .key = *place, .id = expiry->id };

	TRY(sealed_delete(op->change, &row));
	return row_unlink(op->change->txn, &expiry->place, expiry->id);
}

/* Of tags, which the index shows anyway. */
static bool
begin_alike(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, EXPIRY_TAG_BYTES) == 0;
}

/* Where the row stands: behind the beginning of its tag that the expiry entry holds, by its id. */
static enum vault_err
find_place(struct txn *txn, const struct expiry *expiry, struct row_key *place)
{
	uint8_t from[ROW_TAG_BYTES] = { 0 };
	struct row_walk walk;
	enum vault_err err;
	uint64_t id = 0;

	memcpy(from, expiry->place.tag + EXPIRY_BYTES, EXPIRY_TAG_BYTES);
	TRY(row_walk_open(txn, 0, ROW_REPLAY, from, &walk));
	do {
		err = row_walk_next(&walk, place, &id, NULL);
	} while (err == VAULT_OK && id != expiry->id && begin_alike(place->tag, from));
	row_walk_close(&walk);
	if (err == VAULT_OK && id != expiry->id)
		err = VAULT_NOT_FOUND;
	return err;
}

/* The answers that expired first, at most REPLAY_SWEEP_MAX of them. */
static enum vault_err
find_expired(struct op *op, struct expiry expired[static REPLAY_SWEEP_MAX], unsigned *n)
{
	struct row_walk walk;
	enum vault_err err = VAULT_OK;

	*n = 0;
	TRY(row_walk_open(op->change->txn, 0, ROW_REPLAY_EXPIRY, NULL, &walk));
	while (*n < REPLAY_SWEEP_MAX) {
		struct expiry *next = &expired[*n];

		err = row_walk_next(&walk, &next->place, &next->id, NULL);
		if (err != VAULT_OK || expiry_time(next) > op->now.wall)
			break;
		(*n)++;
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
sweep(struct op *op)
{
	struct expiry expired[REPLAY_SWEEP_MAX];
	unsigned n;

	TRY(find_expired(op, expired, &n));
	for (unsigned i = 0; i < n; i++) {
		struct row_key place;
		enum vault_err err = find_place(op->change->txn, &expired[i], &place);

		/* An entry without its row leads nowhere; it must not stop every later change. */
		if (err == VAULT_NOT_FOUND)
			err = row_unlink(op->change->txn, &expired[i].place, expired[i].id);
		else if (err == VAULT_OK)
			err = remove_row(op, &place, &expired[i]);
		TRY(err);
	}
	return VAULT_OK;
}

static enum vault_err
put_record(struct op *op, const struct replay *replay, const struct replay_record *record)
{
	struct row row = { .key = replay->place };
	struct expiry expiry;

	TRY(sealed_put(op->change, keys_of(op), &row, replay_record_type(), record));
	expiry = expiry_of(&replay->place, row.id, record->created_at);
	return row_link(op->change->txn, &expiry.place, expiry.id);
}

static enum vault_err
keep_result(struct op *op, const struct replay *replay, const struct buf *result)
{
	const struct op_note *note = &op->note;
	struct replay_record record = {
		.fields = { replay->fields, sizeof replay->fields },
		.created_at = op->now.wall,
		.version = { note->version, note->version != 0 },
	};

	if (op->tenant != NULL && op->row->id != OP_tenant_erase)
		record.tenant = (struct vault_opt_int){ op->tenant->keys.tenant, true };
	if (buf_len(result) <= REPLAY_RESULT_MAX)
		record.result = (struct vault_map){ buf_data(result), buf_len(result) };
	if (note->target.kind != 0) {
		record.target_kind = (struct vault_opt_int){ note->target.kind, true };
		record.target_tag = (struct vault_bytes){ note->target.tag, ROW_TAG_BYTES };
	}
	return put_record(op, replay, &record);
}

enum vault_err
replay_keep(struct op *op, const struct replay *replay, const void *res)
{
	struct buf result = { 0 };
	struct codec_writer writer = { .out = &result, .without = F_SECRET | F_ONCE };
	enum vault_err err = VAULT_OK;

	if (replay->expired_id != 0) {
		struct expiry expiry =
			expiry_of(&replay->place, replay->expired_id, replay->expired_created);

		TRY(remove_row(op, &replay->place, &expiry));
	}
	codec_write(&writer, op->row->result(), res);
	err = writer.failed ? VAULT_BUSY : keep_result(op, replay, &result);
	buf_free(&result);
	TRY(err);
	return sweep(op);
}

enum vault_err
replay_forget_tenant(struct op *op, const struct row_key *place, uint64_t id, uint32_t tenant,
		     bool *removed)
{
	struct replay_record record;
	struct vault_bytes sealed;
	struct expiry expiry;
	enum vault_err err;
	ROW_LOCAL(row);

	*removed = false;
	err = row_read(op->change->txn, id, &sealed);
	if (err == VAULT_OK)
		err = sealed_open(keys_of(op), place, sealed, &row);
	if (err == VAULT_OK)
		err = record_decode(replay_record_type(), row_plain(&row), NULL, &record);
	/* One that does not open tells nobody anything, and expires like the others. */
	if (err == VAULT_INTEGRITY || (err == VAULT_OK && record.tenant.v != tenant))
		return VAULT_OK;
	TRY(err);
	*removed = true;
	expiry = expiry_of(place, id, record.created_at);
	err = remove_row(op, place, &expiry);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}
