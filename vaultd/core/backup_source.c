#include "vaultd/core/backup_source.h"

#include <stdlib.h>
#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/core/backup_store.h"
#include "vaultd/core/op.h"

#define WRAPS_FIRST 256 /* room for the first rows of keys, doubled as it fills */

/* The head as the snapshot has it; nothing of the vault is looked at. */
static enum vault_err
read_head(struct op *op, struct txn *txn, struct backup_manifest *manifest)
{
	struct row_key place = { .tenant = 0, .kind = ROW_HEAD };
	struct store_head head;
	ROW_LOCAL(row);

	TRY(sealed_find(txn, &op->vault->keyring.store, &place, &row));
	TRY(record_decode(store_head_type(), row_plain(&row), op->scratch, &head));
	if (head.audit_hash.len != sizeof manifest->audit_hash)
		return VAULT_INTEGRITY;
	manifest->revision = (uint64_t)head.revision;
	manifest->audit_segment = (uint64_t)head.audit_segment;
	manifest->audit_offset = (uint64_t)head.audit_offset;
	manifest->audit_seq = (uint64_t)head.audit_seq;
	memcpy(manifest->audit_hash, head.audit_hash.p, sizeof manifest->audit_hash);
	manifest->next_tenant = (uint32_t)head.next_tenant;
	return VAULT_OK;
}

static enum vault_err
add_wrap(struct store_snapshot *snapshot, uint64_t id)
{
	size_t n = snapshot->wrap_count;
	uint64_t *more;

	if (n == BACKUP_SPLIT_TENANTS_MAX)
		return VAULT_TOO_LARGE;
	if (n == 0 || (n >= WRAPS_FIRST && (n & (n - 1)) == 0)) {
		more = realloc(snapshot->wraps, (n == 0 ? WRAPS_FIRST : 2 * n) * sizeof *more);
		if (more == NULL)
			return VAULT_BUSY;
		snapshot->wraps = more;
	}
	snapshot->wraps[snapshot->wrap_count++] = id;
	return VAULT_OK;
}

static int
compare_ids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static enum vault_err
find_wraps(struct store_snapshot *snapshot)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	TRY(row_walk_open(snapshot->txn, 0, ROW_TENANT_WRAPS, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, NULL)) == VAULT_OK)
		if ((err = add_wrap(snapshot, id)) != VAULT_OK)
			break;
	row_walk_close(&walk);
	if (err != VAULT_NOT_FOUND)
		return err;
	if (snapshot->wrap_count > 0)
		qsort(snapshot->wraps, snapshot->wrap_count, sizeof snapshot->wraps[0],
		      compare_ids);
	return VAULT_OK;
}

static enum vault_err
take(struct op *op, bool split, struct store_snapshot *snapshot)
{
	TRY(txn_read(op->vault->store, &snapshot->txn));
	TRY(slots_generation(snapshot->txn, &snapshot->generation));
	TRY(read_head(op, snapshot->txn, &snapshot->manifest));
	TRY(snapshot_count(snapshot->txn, &snapshot->counts));
	return split ? find_wraps(snapshot) : VAULT_OK;
}

enum vault_err
store_snapshot_new(struct op *op, bool split, struct store_snapshot **out)
{
	struct store_snapshot *snapshot = calloc(1, sizeof *snapshot);
	enum vault_err err;

	if (snapshot == NULL)
		return VAULT_BUSY;
	snapshot->references = 1;
	err = take(op, split, snapshot);
	if (err != VAULT_OK) {
		store_snapshot_release(snapshot);
		return err;
	}
	*out = snapshot;
	return VAULT_OK;
}

void
store_snapshot_release(struct store_snapshot *snapshot)
{
	if (--snapshot->references > 0)
		return;
	txn_abort(snapshot->txn);
	free(snapshot->wraps);
	free(snapshot);
}

enum phase { PHASE_META, PHASE_ROWS, PHASE_LINKS, PHASE_END };

struct store_source {
	struct backup_source source;
	struct store_snapshot *snapshot;
	struct snapshot_walk walk;
	struct row_walk wraps_walk; /* of the keys' stream */
	enum phase phase;
	size_t next_wrap; /* of those that are split off, the first not yet passed */
};

static enum vault_err
put_meta(struct store_source *s, struct backup_writer *writer)
{
	struct vault_bytes name, value;
	uint8_t head[1 + UINT8_MAX];

	TRY(snapshot_meta(&s->walk, &name, &value));
	if (name.len > UINT8_MAX)
		return VAULT_INTEGRITY;
	head[0] = (uint8_t)name.len;
	memcpy(head + 1, name.p, name.len);
	return backup_writer_item(writer, BACKUP_ITEM_META,
				  (struct vault_bytes){ head, 1 + name.len }, value);
}

static enum vault_err
write_row(struct backup_writer *writer, uint64_t id, struct vault_bytes row)
{
	uint8_t head[BACKUP_ROW_HEAD];

	put_le(head, id, sizeof head);
	return backup_writer_item(writer, BACKUP_ITEM_ROW,
				  (struct vault_bytes){ head, sizeof head }, row);
}

static enum vault_err
write_link(struct backup_writer *writer, const struct row_key *key, uint64_t id)
{
	struct backup_place place = { .tenant = key->tenant, .kind = key->kind, .row = id };
	uint8_t bytes[BACKUP_LINK_BYTES];

	memcpy(place.tag, key->tag, sizeof place.tag);
	backup_place_write(&place, bytes);
	return backup_writer_item(writer, BACKUP_ITEM_LINK,
				  (struct vault_bytes){ bytes, sizeof bytes },
				  (struct vault_bytes){ 0 });
}

static enum vault_err
put_row(struct store_source *s, struct backup_writer *writer)
{
	const struct store_snapshot *snapshot = s->snapshot;
	struct vault_bytes row;
	uint64_t id;

	TRY(snapshot_row(&s->walk, &id, &row));
	s->source.records++;
	/* Both rise, so each of those that are split off is met at the front. */
	if (s->next_wrap < snapshot->wrap_count && snapshot->wraps[s->next_wrap] == id) {
		s->next_wrap++;
		return VAULT_OK;
	}
	return write_row(writer, id, row);
}

static enum vault_err
put_link(struct store_source *s, struct backup_writer *writer)
{
	struct row_key key;
	uint64_t id;

	TRY(snapshot_link(&s->walk, &key, &id));
	if (s->snapshot->wraps != NULL && key.tenant == 0 && key.kind == ROW_TENANT_WRAPS)
		return VAULT_OK;
	return write_link(writer, &key, id);
}

static enum vault_err
put_wrap(struct store_source *s, struct backup_writer *writer)
{
	struct vault_bytes row;
	struct row_key key;
	uint64_t id;

	TRY(row_walk_next(&s->wraps_walk, &key, &id, &row));
	s->source.records++;
	TRY(write_row(writer, id, row));
	return write_link(writer, &key, id);
}

static enum vault_err
put_next(struct store_source *s, struct backup_writer *writer)
{
	if (s->wraps_walk.cursor != NULL)
		return put_wrap(s, writer);
	if (s->phase == PHASE_META)
		return put_meta(s, writer);
	return s->phase == PHASE_ROWS ? put_row(s, writer) : put_link(s, writer);
}

/* Behind the last of a table comes the next. */
static enum vault_err
next_phase(struct store_source *s)
{
	snapshot_close(&s->walk);
	s->phase = s->wraps_walk.cursor != NULL ? PHASE_END : s->phase + 1;
	if (s->phase == PHASE_END)
		return VAULT_OK;
	return snapshot_open(s->snapshot->txn,
			     s->phase == PHASE_ROWS ? SNAPSHOT_ROWS : SNAPSHOT_INDEX, &s->walk);
}

static enum vault_err
store_more(struct backup_source *source, struct backup_writer *writer, size_t want, bool *done)
{
	struct store_source *s = (struct store_source *)(void *)source;

	while (writer->ready < want && s->phase != PHASE_END) {
		enum vault_err err = put_next(s, writer);

		if (err == VAULT_NOT_FOUND)
			err = next_phase(s);
		TRY(err);
	}
	*done = s->phase == PHASE_END;
	return VAULT_OK;
}

static void
store_free(struct backup_source *source)
{
	struct store_source *s = (struct store_source *)(void *)source;

	snapshot_close(&s->walk);
	row_walk_close(&s->wraps_walk);
	store_snapshot_release(s->snapshot);
	free(s);
}

static const struct backup_source_type store_source = { store_more, store_free };

static enum vault_err
open_first(struct store_source *s, enum backup_kind kind)
{
	struct store_snapshot *snapshot = s->snapshot;

	if (kind == BACKUP_KEYS) {
		s->source.total = snapshot->wrap_count;
		return row_walk_open(snapshot->txn, 0, ROW_TENANT_WRAPS, NULL, &s->wraps_walk);
	}
	s->source.total = snapshot->counts.rows;
	return snapshot_open(snapshot->txn, SNAPSHOT_META, &s->walk);
}

enum vault_err
backup_source_new(struct store_snapshot *snapshot, enum backup_kind kind,
		  struct backup_source **out)
{
	struct store_source *s = calloc(1, sizeof *s);
	enum vault_err err;

	if (s == NULL)
		return VAULT_BUSY;
	snapshot->references++;
	s->snapshot = snapshot;
	s->source = (struct backup_source){ .type = &store_source, .manifest = snapshot->manifest };
	err = open_first(s, kind);
	if (err != VAULT_OK) {
		store_free(&s->source);
		return err;
	}
	*out = &s->source;
	return VAULT_OK;
}

struct store_snapshot *
backup_source_snapshot(struct backup_source *source)
{
	return ((struct store_source *)(void *)source)->snapshot;
}
