/* What the committer does of an import: rows under keys of its own, and in the end the tenant. */
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/apikey_change.h"
#include "vaultd/core/erased.h"
#include "vaultd/core/expiry.h"
#include "vaultd/core/import_check.h"
#include "vaultd/core/imports.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/reminder.h"
#include "vaultd/core/scrub.h"
#include "vaultd/core/secrets.h"
#include "vaultd/core/tenant_export.h"

#define LENGTH_BYTES 4
#define USE_FORGOTTEN (730 * 24 * 3600) /* seconds: as long as any token may live */

/* A record as it came. */
struct brought {
	struct row row; /* its place, without a row yet */
	uint64_t old_id;
	void *record;
};

static const struct object_type *
type_of(uint8_t kind)
{
	switch (kind) {
	case ROW_KEY:
		return key_record_type();
	case ROW_KEY_VERSION:
		return version_record_type();
	case ROW_PROFILE:
		return profile_record_type();
	case ROW_ISSUANCE:
		return issuance_record_type();
	case ROW_TOMBSTONE:
		return tombstone_record_type();
	case ROW_APIKEY:
		return apikey_record_type();
	case ROW_APIKEY_HASH:
		return apikey_hash_type();
	case ROW_SECRET:
		return secret_record_type();
	case ROW_SECRET_VERSION:
		return secret_value_type();
	case ROW_TOKEN_REVOKED:
		return token_revoked_record_type();
	case ROW_SUBJECT_REVOKED:
	case ROW_PROFILE_REVOKED:
		return token_rule_record_type();
	case ROW_TOKEN_USES:
		return token_uses_record_type();
	case ROW_TOKEN_USE:
		return token_use_record_type();
	case ROW_TOKEN_LIFE:
		return token_life_record_type();
	default:
		return NULL;
	}
}

static enum vault_err
put(struct op *op, struct brought *b)
{
	return sealed_put(op->change, &op->tenant->keys, &b->row, type_of(b->row.key.kind),
			  b->record);
}

/* Its id leads to it from tenant 0, under this store's key. */
static enum vault_err
put_apikey(struct op *op, struct brought *b)
{
	const struct apikey_record *rec = b->record;
	struct apikey key = { .rec = *rec };
	enum row_kind kind = rec->imported ? ROW_APIKEY_FOREIGN : ROW_APIKEY_ID;
	struct row_key place = apikey_id_place(op, kind, op->tenant->keys.tenant, rec->id);
	struct row_key first = apikey_id_place(op, ROW_APIKEY_ID, 0, rec->id), found;
	uint64_t id;
	enum vault_err err = VAULT_NOT_FOUND;

	if (kind == ROW_APIKEY_ID)
		err = row_seek(op->change->txn, &first, &found, &id);
	if (err == VAULT_OK && text_same(found.tag, first.tag, ID_TAG_BYTES))
		return op_fail(op, VAULT_CONFLICT, "import",
			       "an API key of it is in this vault already");
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	key.row.key = apikey_place_bound(&place);
	TRY(apikey_write(op, &key));
	if (!rec->revoked_at.set && rec->replaced_by.p == NULL)
		TRY(apikey_primary_add(op, &key));
	return row_link(op->change->txn, &place, key.row.id);
}

/* What is due of it, and when it must be rotated, follow from the record, as if it were changed. */
static enum vault_err
put_key(struct op *op, struct brought *b)
{
	struct key_record *record = b->record;
	KEY_EDIT_LOCAL(edit);

	record->due = (struct vault_bytes){ 0 };
	TRY(put(op, b));
	TRY(key_edit_open(op, record->name, &edit));
	for (size_t i = 0; i < edit.count; i++)
		TRY(key_kid_keep(op, edit.versions[i].kid, b->row.id));
	edit.reminder = 0;
	return key_edit_write(op, &edit);
}

static enum vault_err
put_version(struct op *op, struct brought *b)
{
	TRY(put(op, b));
	return key_kid_keep(op, ((const struct version_record *)b->record)->kid, b->row.id);
}

static enum vault_err
put_secret(struct op *op, struct brought *b)
{
	TRY(put(op, b));
	return reminder_move(op, due_kind_secret, &b->row, 0, secret_due_at(b->record));
}

static int64_t
forget_at(const struct op *op, const struct brought *b)
{
	switch (b->row.key.kind) {
	case ROW_TOKEN_REVOKED:
		return ((const struct token_revoked_record *)b->record)->forget_at;
	case ROW_SUBJECT_REVOKED:
	case ROW_PROFILE_REVOKED:
		return ((const struct token_rule_record *)b->record)->forget_at;
	case ROW_TOKEN_USES:
		return ((const struct token_uses_record *)b->record)->forget_at;
	case ROW_TOKEN_USE:
		return op->now.wall + USE_FORGOTTEN;
	default:
		return 0;
	}
}

static enum vault_err
put_record(struct op *op, struct brought *b)
{
	int64_t forgotten = forget_at(op, b);

	switch (b->row.key.kind) {
	case ROW_APIKEY:
		return put_apikey(op, b);
	case ROW_KEY:
		return put_key(op, b);
	case ROW_KEY_VERSION:
		return put_version(op, b);
	case ROW_SECRET:
		return put_secret(op, b);
	default:
		TRY(put(op, b));
		return forgotten == 0 ? VAULT_OK
				      : expiry_put(op, &b->row.key, b->row.id, 0, forgotten);
	}
}

/* As it is, and alone in its place; several deleted records may have left one grave. */
static bool
may_stand(struct op *op, const struct brought *b, const struct object_type *type)
{
	uint64_t id;

	if (!import_record_fits(&op->tenant->keys, &b->row.key, type, b->record))
		return false;
	return b->row.key.kind == ROW_APIKEY || b->row.key.kind == ROW_TOMBSTONE ||
	       row_linked(op->change->txn, &b->row.key, &id) == VAULT_NOT_FOUND;
}

static enum vault_err
take_record(struct op *op, struct import *import, struct vault_bytes bytes)
{
	size_t head = BACKUP_LINK_BYTES + EXPORT_VERSION_BYTES;
	const struct object_type *type;
	struct backup_place place;
	struct brought b = { 0 };
	enum vault_err err;
	bool fits;

	if (bytes.len < head)
		return VAULT_INTEGRITY;
	place = backup_place_read(bytes.p);
	type = type_of(place.kind);
	if (type == NULL)
		return VAULT_UNSUPPORTED;
	b.row.key = (struct row_key){ .tenant = op->tenant->keys.tenant, .kind = place.kind };
	memcpy(b.row.key.tag, place.tag, ROW_TAG_BYTES);
	b.row.version = (uint32_t)get_le(bytes.p + BACKUP_LINK_BYTES, EXPORT_VERSION_BYTES);
	b.record = scratch_alloc(&import->scratch, type->size);
	if (b.record == NULL)
		return VAULT_BUSY;
	err = record_decode(type, (struct vault_bytes){ bytes.p + head, bytes.len - head },
			    &import->scratch, b.record);
	fits = err == VAULT_OK && may_stand(op, &b, type);
	if (fits)
		err = put_record(op, &b);
	/* A key id that two versions have. */
	if (err == VAULT_EXISTS || (err == VAULT_OK && !fits))
		err = op_fail(op, VAULT_INTEGRITY, "data",
			      "a record of it is none that a vault writes");
	scratch_reset(&import->scratch, true);
	return err;
}

static enum vault_err
take_records(struct op *op, struct import *import)
{
	const uint8_t *p = buf_data(&import->records), *end = p + buf_len(&import->records);

	while (p != end) {
		uint32_t len;

		memcpy(&len, p, LENGTH_BYTES);
		p += LENGTH_BYTES;
		TRY(take_record(op, import, (struct vault_bytes){ p, len }));
		p += len;
	}
	return VAULT_OK;
}

static enum vault_err
read_info(struct import *import, struct export_info *info)
{
	struct vault_bytes bytes = { buf_data(&import->info), buf_len(&import->info) };

	TRY(record_decode(export_info_type(), bytes, &import->scratch, info));
	return text_tenant_name(info->name) && info->name_key.len == NAME_KEY_BYTES &&
			       info->pepper.len == AEAD_KEY_BYTES
		       ? VAULT_OK
		       : VAULT_INTEGRITY;
}

/* A number, and keys: the record key is new, and so is what wraps it. */
static enum vault_err
begin(struct op *op, struct import *import)
{
	struct tenant *tenant = &import->tenant;
	struct arena *arena = op->vault->arena;
	struct export_info info;

	TRY(read_info(import, &info));
	if (op->vault->next_tenant >= TENANTS_MAX)
		return op_fail(op, VAULT_STORAGE_FULL, NULL, "no more tenants can be made");
	TRY(secret_copy(arena, info.name_key.p, info.name_key.len, &tenant->keys.name));
	TRY(secret_copy(arena, info.pepper.p, info.pepper.len, &tenant->pepper));
	TRY(secret_random(arena, AEAD_KEY_BYTES, &tenant->keys.record));
	tenant->keys.tenant = op->vault->next_tenant++;
	tenant->keys.generation = 1;
	memcpy(tenant->keys.store_id, op->vault->keyring.store.store_id, STORE_ID_BYTES);
	tenant->name_len = (uint8_t)info.name.len;
	memcpy(tenant->name, info.name.p, info.name.len);
	tenant->slot = tenants_slot(&op->vault->tenants, tenant->keys.tenant);
	scratch_reset(&import->scratch, true);
	if (tenant->slot == NULL)
		return VAULT_BUSY;
	atomic_store(&op->vault->imports.numbers[import->place], tenant->keys.tenant);
	return tenant_put_wraps(op, tenant);
}

static enum vault_err
find_row(struct op *op, uint32_t number, struct row *out, struct import_record *record)
{
	struct row_key key = tenant_numbered(ROW_IMPORT, number);
	ROW_LOCAL(row);

	TRY(sealed_find(op->change->txn, &op->vault->keyring.store, &key, &row));
	TRY(record_decode(import_record_type(), row_plain(&row), NULL, record));
	*out = (struct row){ .key = key, .id = row.id, .revision = row.revision };
	return VAULT_OK;
}

/* What was written before must be there: a commit that failed took its piece with it. */
static enum vault_err
apply(struct op *op, struct import *import)
{
	struct import_record record = { .started_at = op->now.wall };
	struct row row = { 0 };

	if (buf_len(&import->info) == 0)
		return VAULT_OK;
	if (import->tenant.slot == NULL) {
		TRY(begin(op, import));
		row.key = tenant_numbered(ROW_IMPORT, import->tenant.keys.tenant);
	} else {
		TRY(find_row(op, import->tenant.keys.tenant, &row, &record));
		if ((uint64_t)record.offset != import->before)
			return op_fail(op, VAULT_CONFLICT, "import",
				       "a part of it was not written");
	}
	op->tenant = &import->tenant;
	TRY(take_records(op, import));
	record.tenant = import->tenant.keys.tenant;
	record.offset = (int64_t)import->received;
	return sealed_put(op->change, &op->vault->keyring.store, &row, import_record_type(),
			  &record);
}

static enum vault_err
give_back(struct op *op, struct import *import, bool over, enum vault_err err)
{
	op->tenant = NULL;
	op->effects.touched = NULL;
	if (over || err != VAULT_OK)
		atomic_store(&import->ended, true);
	atomic_store(&import->busy, false);
	return err;
}

enum vault_err
import_apply(struct op *op, struct import *import)
{
	return give_back(op, import, false, apply(op, import));
}

static enum vault_err
make_tenant(struct op *op, struct import *import, struct vault_text name)
{
	const struct row_keys *store = &op->vault->keyring.store;
	struct import_record there;
	struct tenant_record record;
	struct export_info info;
	struct row old;
	uint64_t id;
	ROW_LOCAL(row);

	TRY(find_row(op, import->tenant.keys.tenant, &old, &there));
	if ((uint64_t)there.offset != import->received)
		return op_fail(op, VAULT_CONFLICT, "import", "a part of it was not written");
	TRY(read_info(import, &info));
	TRY(record_decode(tenant_record_type(), info.tenant, &import->scratch, &record));
	if (!import_tenant_fits(&record))
		return VAULT_INTEGRITY;
	row.key = row_key_of(store, ROW_TENANT, text_bytes(name));
	if (row_linked(op->change->txn, &row.key, &id) == VAULT_OK)
		return op_fail(op, VAULT_EXISTS, "tenant", "there is a tenant of that name");
	record.name = name;
	record.number = import->tenant.keys.tenant;
	TRY(sealed_put(op->change, store, &row, tenant_record_type(), &record));
	TRY(tenant_name_wraps(op, import->tenant.keys.tenant, &row.key));
	TRY(sealed_delete(op->change, &old));
	op->effects.tenant_created = true;
	op->note.tenant = import->tenant.keys.tenant;
	return VAULT_OK;
}

enum vault_err
import_commit(struct op *op, struct import *import, struct vault_text name,
	      struct vault_text *tenant)
{
	enum vault_err err;

	if (import->tenant.slot == NULL)
		return give_back(op, import, true, VAULT_INTEGRITY);
	if (name.p == NULL)
		name = tenant_name_of(&import->tenant);
	err = op_keep_text(op, name, tenant);
	if (err == VAULT_OK)
		err = make_tenant(op, import, *tenant);
	scratch_reset(&import->scratch, true);
	/* Another name may be tried. */
	if (err == VAULT_EXISTS) {
		atomic_store(&import->busy, false);
		return err;
	}
	return give_back(op, import, true, err);
}

/* The first whose import is over; its rows go as an erased tenant's do. */
static enum vault_err
find_dead(struct op *op, uint32_t *number)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	TRY(row_walk_open(op->change->txn, 0, ROW_IMPORT, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, NULL)) == VAULT_OK) {
		*number = get_be32(key.tag);
		if (!import_lives(op->vault, *number))
			break;
	}
	row_walk_close(&walk);
	return err;
}

enum vault_err
import_forget_dead(struct op *op)
{
	struct erased erased = { .rec = { .name = TEXT_LITERAL("import"),
					  .erased_at = op->now.wall,
					  .revision = (int64_t)op->vault->revision,
					  .import = true } };
	struct import_record record;
	struct row_key wraps;
	uint32_t number;
	struct row row;
	uint64_t id;

	TRY(find_dead(op, &number));
	TRY(find_row(op, number, &row, &record));
	TRY(sealed_delete(op->change, &row));
	wraps = tenant_numbered(ROW_TENANT_WRAPS, number);
	TRY(row_linked(op->change->txn, &wraps, &id));
	TRY(row_delete(op->change->txn, &wraps, id));
	erased.rec.number = number;
	return erased_put(op, ERASED_ROWS_LEFT, &erased);
}
