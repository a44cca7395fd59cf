#include "vaultd/core/drill.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/backup/backup_opener.h"
#include "vaultd/backup/backup_reader.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/backup_source.h"
#include "vaultd/core/key.h"
#include "vaultd/core/restore_check.h"

#define PIECE_BYTES (256u * 1024) /* of the container, written and then read */
#define CACHE_BYTES (1u << 20)	  /* of the arena, for opened tenants and keys */
#define SCRATCH_KEPT 65536
#define SCRATCH_LIMIT (4u << 20)

struct drill {
	struct op *asked; /* by whom */
	struct store_snapshot *snapshot;
	struct backup *backup;
	const char *failed; /* what, a string constant; NULL: nothing */
	/* The container. */
	struct backup_header header;
	struct secret file_key, half;
	struct backup_writer writer;
	struct backup_reader reader;
	struct backup_source *source;
	uint64_t bytes, items, rows;
	uint8_t hash[SHA256_BYTES];
	/* What opens it: nothing that another operation uses. */
	struct cache cache;
	struct scratch scratch;
	struct buf work;
	struct change change;
	struct restore_checked checked;
	unsigned keys, keys_there;
};

/* Ends the rehearsal: something is wrong with the store or its backups. */
static enum vault_err
fail(struct drill *drill, const char *what)
{
	drill->failed = what;
	return VAULT_INTEGRITY;
}

static bool
cancelled(const struct drill *drill)
{
	return atomic_load(&drill->asked->vault->cancel) ||
	       atomic_load(&drill->asked->session->gone);
}

/* An operation on the snapshot. With a change, although it makes none: so nothing renews it. */
static struct op
op_on(struct drill *drill)
{
	const struct op *asked = drill->asked;

	change_start(&drill->change, drill->snapshot->txn);
	cache_next_operation(&drill->cache);
	return (struct op){
		.vault = asked->vault,
		.who = asked->who,
		.session = asked->session,
		.now = asked->now,
		.change = &drill->change,
		.txn = drill->snapshot->txn,
		.cache = &drill->cache,
		.random = asked->random,
		.scratch = &drill->scratch,
		.work = &drill->work,
	};
}

/* The container's header: sealed to a pair made for this one reading. */
static enum vault_err
start_writing(struct drill *drill, enum backup_kind kind)
{
	const struct keyring *keyring = &drill->asked->vault->keyring;
	struct backup_header *header = &drill->header;
	struct backup_opener *opener = &header->openers[0];
	struct arena *arena = drill->asked->vault->arena;

	*header = (struct backup_header){ .kind = kind,
					  .to = BACKUP_TO_RECIPIENT,
					  .time = drill->asked->now.wall,
					  .root_generation = drill->snapshot->generation,
					  .opener_count = 1 };
	memcpy(header->id, drill->backup->id, sizeof header->id);
	memcpy(header->store_id, keyring->store.store_id, sizeof header->store_id);
	memcpy(header->identity, keyring->identity.public_key, sizeof header->identity);
	*opener = (struct backup_opener){ .by = BACKUP_BY_IDENTITY, .name_len = 5 };
	memcpy(opener->name, "drill", 5);
	TRY(secret_random(arena, BACKUP_FILE_KEY_BYTES, &drill->file_key));
	TRY(box_keypair(arena, opener->public_key, &drill->half));
	TRY(backup_opener_seal(opener, &drill->file_key));
	TRY(backup_source_new(drill->snapshot, kind, &drill->source));
	return backup_writer_start(&drill->writer, header, &drill->file_key);
}

static enum vault_err
unlock(struct drill *drill)
{
	struct backup_secret secret = { .by = BACKUP_BY_IDENTITY,
					.bytes = { drill->half.p, drill->half.len } };
	SECRET_LOCAL(key);

	TRY(backup_open(&drill->reader.header, drill->asked->vault->arena, &secret, &key));
	return backup_reader_key(&drill->reader, &key);
}

static enum vault_err
compare(struct drill *drill, const struct backup_item *item)
{
	struct vault_bytes row, read = item->bytes;

	drill->items++;
	if (item->type != BACKUP_ITEM_ROW)
		return VAULT_OK;
	if (read.len <= BACKUP_ROW_HEAD ||
	    row_read(drill->snapshot->txn, get_le(read.p, BACKUP_ROW_HEAD), &row) != VAULT_OK ||
	    row.len != read.len - BACKUP_ROW_HEAD ||
	    !text_same(row.p, read.p + BACKUP_ROW_HEAD, row.len))
		return fail(drill, "a record came back otherwise than it was");
	drill->rows++;
	work_more(&drill->asked->vault->work[WORK_SLOW], 1);
	return VAULT_OK;
}

/* Reads what is ready of the container. */
static enum vault_err
read_ready(struct drill *drill)
{
	struct vault_bytes ready = { buf_data(&drill->writer.out), drill->writer.ready };
	enum backup_event event = BACKUP_GOT_CHUNK;

	if (ready.len > BACKUP_PUSH_MAX)
		ready.len = BACKUP_PUSH_MAX;
	TRY(backup_reader_push(&drill->reader, ready));
	backup_writer_take(&drill->writer, ready.len);
	while (event != BACKUP_MORE) {
		TRY(backup_reader_next(&drill->reader, &event));
		if (event == BACKUP_GOT_HEADER)
			TRY(unlock(drill));
		else if (event == BACKUP_GOT_ITEM)
			TRY(compare(drill, &drill->reader.item));
	}
	return VAULT_OK;
}

static enum vault_err
write_and_read(struct drill *drill)
{
	const struct ed25519_key *identity = &drill->asked->vault->keyring.identity;
	bool done = false, ended = false;

	while (!ended || drill->writer.ready > 0) {
		if (cancelled(drill))
			return VAULT_BUSY;
		if (!done)
			TRY(drill->source->type->more(drill->source, &drill->writer, PIECE_BYTES,
						      &done));
		if (done && !ended) {
			TRY(backup_writer_end(&drill->writer, &drill->source->manifest, identity));
			ended = true;
		}
		TRY(read_ready(drill));
	}
	return backup_reader_finish(&drill->reader);
}

static void
end_stream(struct drill *drill)
{
	backup_writer_free(&drill->writer);
	backup_reader_free(&drill->reader);
	if (drill->source != NULL)
		drill->source->type->free(drill->source);
	drill->source = NULL;
	secret_free(&drill->file_key);
	secret_free(&drill->half);
}

static enum vault_err
rehearse(struct drill *drill, enum backup_kind kind)
{
	enum vault_err err;

	backup_reader_init(&drill->reader);
	err = start_writing(drill, kind);
	if (err == VAULT_OK)
		err = write_and_read(drill);
	drill->bytes += drill->reader.manifest.bytes;
	if (kind == BACKUP_STORE)
		memcpy(drill->hash, drill->reader.manifest.hash, sizeof drill->hash);
	end_stream(drill);
	if (err == VAULT_INTEGRITY && drill->failed == NULL)
		return fail(drill, "the container does not open");
	return err;
}

/* Every row once, and nothing but rows of this snapshot. */
static enum vault_err
rehearse_all(struct drill *drill)
{
	TRY(rehearse(drill, BACKUP_STORE));
	if (drill->snapshot->wraps != NULL)
		TRY(rehearse(drill, BACKUP_KEYS));
	return drill->rows == drill->snapshot->counts.rows ? VAULT_OK
							   : fail(drill, "records are missing");
}

static enum vault_err
open_all(struct drill *drill)
{
	struct op op = op_on(drill);
	enum vault_err err = restore_check(&op, &drill->asked->vault->cancel, &drill->checked);

	return err == VAULT_INTEGRITY ? fail(drill, "a record does not open") : err;
}

/* Signs with the key's present version and verifies that; keys that cannot sign now are passed over. */
static enum vault_err
try_key(struct drill *drill, struct op *op, const struct row_key *place)
{
	static const struct vault_bytes message = { (const uint8_t *)DRILL_FIRST_LINE,
						    sizeof DRILL_FIRST_LINE - 1 };
	uint8_t signature[SIGNATURE_MAX];
	const struct key_live *live;
	const struct key *key;
	struct key_record record;
	enum vault_err err;
	size_t len;
	ROW_LOCAL(row);

	err = tenant_by_number(op, place->tenant, &op->tenant);
	/* One that is being erased. */
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(sealed_find(op->txn, &op->tenant->keys, place, &row));
	TRY(record_decode(key_record_type(), row_plain(&row), op->scratch, &record));
	if (record.algorithm == key_algorithm_XC20P)
		return VAULT_OK;
	err = key_get(op, "name", record.name, &key);
	if (err == VAULT_OK)
		err = key_signer(op, key, &live);
	if (err != VAULT_OK)
		return err == VAULT_CONFLICT ? VAULT_OK : err;
	TRY(key_live_sign(live, message, signature, &len));
	if (!key_live_verify(live, message, (struct vault_bytes){ signature, len }))
		return VAULT_INTEGRITY;
	drill->keys++;
	return VAULT_OK;
}

/* The index's keys, count of them or, with every 0, none but to be counted. */
static enum vault_err
walk_keys(struct drill *drill, unsigned every)
{
	struct index_walk walk = { 0 };
	struct row_key place;
	enum vault_err err;
	unsigned n = 0;
	uint64_t id;

	while ((err = index_walk_next(drill->snapshot->txn, &walk, &place, &id)) == VAULT_OK) {
		struct op op;

		if (place.tenant == 0 || place.kind != ROW_KEY)
			continue;
		if (every > 0 && n % every == 0) {
			op = op_on(drill);
			err = cancelled(drill) ? VAULT_BUSY : try_key(drill, &op, &place);
			scratch_reset(&drill->scratch, true);
		}
		if (err != VAULT_OK)
			break;
		n++;
	}
	index_walk_close(&walk);
	drill->keys_there = n;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

/* Samples all over the tenants. */
static enum vault_err
sample_keys(struct drill *drill)
{
	enum vault_err err = walk_keys(drill, 0);

	if (err == VAULT_OK)
		err = walk_keys(drill, drill->keys_there / DRILL_KEYS_MAX + 1);
	return err == VAULT_INTEGRITY || err == VAULT_NOT_FOUND
		       ? fail(drill, "a key does not sign and verify")
		       : err;
}

static void
tell(const struct drill *drill, struct drill_done *done)
{
	*done = (struct drill_done){ .failed = drill->failed,
				     .taken_at = drill->backup->done.begun_at,
				     .at = drill->asked->now.wall,
				     .bytes = drill->bytes,
				     .items = drill->items,
				     .records = drill->checked.rows,
				     .tenants = drill->checked.tenants,
				     .keys = drill->keys };
	memcpy(done->backup, drill->backup->id, sizeof done->backup);
	memcpy(done->hash, drill->hash, sizeof done->hash);
}

/* The keys in memory must be those that the snapshot hangs from. */
static enum vault_err
check_root(const struct drill *drill)
{
	struct op *op = drill->asked;

	if (keyring_has_root(&op->vault->keyring, drill->snapshot->generation))
		return VAULT_OK;
	return op_fail(op, VAULT_CONFLICT, "backup",
		       "the root key was replaced since it began; begin another");
}

static enum vault_err
run(struct drill *drill, struct drill_done *done)
{
	struct work *work = &drill->asked->vault->work[WORK_SLOW];
	enum vault_err err;

	TRY(check_root(drill));
	cache_init(&drill->cache, CACHE_BYTES);
	TRY(scratch_init(&drill->scratch, SCRATCH_KEPT, SCRATCH_LIMIT));
	/* Each row comes through the container, and is opened behind that. */
	work_begin(work, OP_backup_drill, "rows", drill->asked->now.wall);
	work_tell(work, 0, 2 * drill->snapshot->counts.rows);
	err = rehearse_all(drill);
	if (err == VAULT_OK)
		err = open_all(drill);
	if (err == VAULT_OK)
		err = sample_keys(drill);
	cache_clear(&drill->cache);
	scratch_reset(&drill->scratch, true);
	scratch_free(&drill->scratch);
	buf_free(&drill->work);
	/* That a rekey came in between tells nothing of the backup: no record says that it is bad. */
	if (err != VAULT_OK)
		TRY(check_root(drill));
	/* A failure is a result like another. */
	if (drill->failed == NULL)
		TRY(err);
	tell(drill, done);
	return VAULT_OK;
}

enum vault_err
drill_run(struct op *op, struct vault_text handle, struct drill_done *done)
{
	struct drill *drill = calloc(1, sizeof *drill);
	enum vault_err err;

	if (drill == NULL)
		return VAULT_BUSY;
	drill->asked = op;
	err = backups_find(op, handle, &drill->backup);
	if (err == VAULT_OK && !drill->backup->counts)
		err = op_fail(op, VAULT_INVALID_PARAMS, "backup", "not a backup of the store");
	if (err == VAULT_OK) {
		drill->snapshot = backup_source_snapshot(drill->backup->streams[0].source);
		err = run(drill, done);
	}
	free(drill);
	return err;
}
