#include "vaultd/core/tenant_export.h"

#include <stdlib.h>
#include <string.h>

#include "vaultd/backup/backup_opener.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/apikey.h"
#include "vaultd/core/sweep.h"
#include "vaultd/core/tenant_limits.h"

#define SCRATCH_BYTES 16384
#define SCRATCH_MAX (4u << 20)

static const uint8_t no_kinds[] = { 0 };

/* One snapshot, and copies of the keys, which outlive the tenant in any cache. */
struct export_source {
	struct backup_source source;
	struct txn *txn;
	struct row_keys keys;
	struct apikey_tenant common; /* its cuts alone */
	struct scratch scratch;
	struct sweep_place place;
	struct buf record;
};

/* What hangs from row numbers is left out: bulk revocations stand in each key instead. */
static bool
left_out(uint8_t kind)
{
	return row_kind_index_only(kind) || kind == ROW_APIKEY_CUTS || kind == ROW_APIKEY_LAST_USED;
}

static enum vault_err
apikey_plain(struct export_source *s, const struct row *row, struct vault_bytes *plain)
{
	struct apikey key = { .row = { .key = row->key, .id = row->id } };
	int64_t revoked_at;

	TRY(record_decode(apikey_record_type(), *plain, &s->scratch, &key.rec));
	revoked_at = apikey_revoked_at(&key, &s->common);
	if (revoked_at == 0 || key.rec.revoked_at.set)
		return VAULT_OK;
	key.rec.revoked_at = (struct vault_opt_int){ revoked_at, true };
	buf_truncate(&s->record, 0);
	TRY(record_encode(apikey_record_type(), &key.rec, &s->record));
	*plain = (struct vault_bytes){ buf_data(&s->record), buf_len(&s->record) };
	return VAULT_OK;
}

static enum vault_err
put_record(struct export_source *s, struct backup_writer *writer)
{
	struct backup_place place = { .kind = s->place.kind, .row = s->place.row };
	struct row_key key = { .tenant = s->keys.tenant, .kind = s->place.kind };
	uint8_t head[BACKUP_LINK_BYTES + EXPORT_VERSION_BYTES];
	struct vault_bytes sealed, plain;
	ROW_LOCAL(row);

	memcpy(place.tag, s->place.tag, sizeof place.tag);
	memcpy(key.tag, s->place.tag, sizeof key.tag);
	if (place.kind == ROW_APIKEY)
		apikey_bound(&key);
	TRY(row_read(s->txn, place.row, &sealed));
	TRY(sealed_open(&s->keys, &key, sealed, &row));
	row.id = place.row;
	plain = row_plain(&row);
	if (place.kind == ROW_APIKEY)
		TRY(apikey_plain(s, &row, &plain));
	backup_place_write(&place, head);
	put_le(head + BACKUP_LINK_BYTES, row.version, EXPORT_VERSION_BYTES);
	s->source.records++;
	scratch_reset(&s->scratch, true);
	return backup_writer_item(writer, BACKUP_ITEM_RECORD,
				  (struct vault_bytes){ head, sizeof head }, plain);
}

static enum vault_err
export_more(struct backup_source *source, struct backup_writer *writer, size_t want, bool *done)
{
	struct export_source *s = (struct export_source *)(void *)source;

	*done = false;
	while (writer->ready < want) {
		enum vault_err err = sweep_next(s->txn, s->keys.tenant, no_kinds, &s->place);

		*done = err == VAULT_NOT_FOUND;
		if (*done)
			return VAULT_OK;
		TRY(err);
		if (left_out(s->place.kind))
			sweep_skip_kind(&s->place);
		else
			TRY(put_record(s, writer));
	}
	return VAULT_OK;
}

static void
export_free(struct backup_source *source)
{
	struct export_source *s = (struct export_source *)(void *)source;

	txn_abort(s->txn);
	row_keys_free(&s->keys);
	scratch_free(&s->scratch);
	buf_free(&s->record);
	free(s);
}

static const struct backup_source_type export_source = { export_more, export_free };

static enum vault_err
copy_keys(struct op *op, struct row_keys *keys)
{
	const struct row_keys *from = &op->tenant->keys;
	struct arena *arena = op->vault->arena;

	keys->tenant = from->tenant;
	keys->generation = from->generation;
	memcpy(keys->store_id, from->store_id, sizeof keys->store_id);
	TRY(secret_copy(arena, from->record.p, from->record.len, &keys->record));
	if (from->other_generation == 0)
		return VAULT_OK;
	keys->other_generation = from->other_generation;
	return secret_copy(arena, from->other.p, from->other.len, &keys->other);
}

static enum vault_err
fill_source(struct op *op, struct export_source *s)
{
	const struct apikey_tenant *common;
	uint64_t n;

	TRY(scratch_init(&s->scratch, SCRATCH_BYTES, SCRATCH_MAX));
	/* The snapshot first: keys that are newer than it open what it holds, while both are there. */
	TRY(txn_read(op->vault->store, &s->txn));
	TRY(op_refresh(op));
	TRY(tenant_get(op, tenant_name_of(op->tenant), &op->tenant));
	TRY(apikey_tenant(op, &common));
	memcpy(s->common.cuts, common->cuts, sizeof common->cuts);
	s->common.n = common->n;
	TRY(copy_keys(op, &s->keys));
	for (uint8_t kind = 1;; kind++) {
		enum vault_err err = row_next_kind(s->txn, s->keys.tenant, &kind);

		if (err != VAULT_OK)
			return err == VAULT_NOT_FOUND ? VAULT_OK : err;
		TRY(row_kind_count(s->txn, s->keys.tenant, kind, &n));
		s->source.total += left_out(kind) ? 0 : n;
	}
}

static enum vault_err
source_new(struct op *op, struct backup_source **out)
{
	struct export_source *s = calloc(1, sizeof *s);
	enum vault_err err;

	if (s == NULL)
		return VAULT_BUSY;
	s->source.type = &export_source;
	err = fill_source(op, s);
	if (err != VAULT_OK) {
		export_free(&s->source);
		return err;
	}
	*out = &s->source;
	return VAULT_OK;
}

/* Whose it is, and the keys that names and API keys hang from; sealed at once. */
static enum vault_err
put_info(struct op *op, struct backup_writer *writer)
{
	const struct tenant *tenant = op->tenant;
	struct export_info info = {
		.name = tenant_name_of(tenant),
		.name_key = { tenant->keys.name.p, tenant->keys.name.len },
		.pepper = { tenant->pepper.p, tenant->pepper.len },
	};
	struct tenant_record record;
	struct buf buf = { 0 };
	enum vault_err err;
	ROW_LOCAL(row);

	TRY(tenant_read(op, info.name, &row, &record));
	info.tenant = row_plain(&row);
	err = record_encode(export_info_type(), &info, &buf);
	if (err == VAULT_OK)
		err = backup_writer_item(writer, BACKUP_ITEM_INFO,
					 (struct vault_bytes){ buf_data(&buf), buf_len(&buf) },
					 (struct vault_bytes){ 0 });
	buf_free(&buf);
	TRY(err);
	return backup_writer_cut(writer);
}

static enum vault_err
start(struct op *op, struct vault_bytes passphrase, struct backup *backup)
{
	const struct slot_cost *cost = &op->vault->settings.slot_cost;
	const struct keyring *keyring = &op->vault->keyring;
	const struct backup_words words = { passphrase, cost->memory, cost->passes };
	/* Nothing inside is wrapped by a root key. */
	struct backup_header header = { .kind = BACKUP_TENANT,
					.to = BACKUP_TO_PASSPHRASE,
					.opener_count = 1 };
	struct backup_source *source;
	SECRET_LOCAL(file_key);

	memcpy(header.store_id, keyring->store.store_id, sizeof header.store_id);
	memcpy(header.identity, keyring->identity.public_key, sizeof header.identity);
	TRY(secret_random(op->vault->arena, BACKUP_FILE_KEY_BYTES, &file_key));
	TRY(backup_opener_passphrase(&header.openers[0], header.store_id, &words, &file_key));
	TRY(source_new(op, &source));
	TRY(backup_stream_start(backup, &header, &file_key, source));
	return put_info(op, &backup->streams[0].writer);
}

enum vault_err
tenant_export(struct op *op, struct vault_bytes passphrase, struct backup **out)
{
	struct backup *backup;
	enum vault_err err;

	TRY(backups_add(op, &backup));
	err = start(op, passphrase, backup);
	if (err == VAULT_OK)
		*out = backup;
	else
		backups_remove(&op->vault->backups, backup);
	return err;
}
