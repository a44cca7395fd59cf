#include "vaultd/core/imports.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/backup/backup_opener.h"
#include "vaultd/base/random.h"
#include "vaultd/core/session.h"

#define SCRATCH_BYTES 65536
#define SCRATCH_MAX (8u << 20)
#define LENGTH_BYTES 4

static void
import_free(struct import *import)
{
	session_release(import->session);
	secret_free(&import->passphrase);
	backup_reader_free(&import->reader);
	buf_free(&import->records);
	buf_free(&import->info);
	scratch_free(&import->scratch);
	row_keys_free(&import->tenant.keys);
	secret_free(&import->tenant.pepper);
	free(import);
}

/* Its number stays where it is told while others go: the committer looks at any time. */
static void
remove_at(struct imports *imports, unsigned i)
{
	unsigned last = atomic_load(&imports->count) - 1;

	atomic_store(&imports->numbers[imports->list[i]->place], 0);
	import_free(imports->list[i]);
	imports->list[i] = imports->list[last];
	imports->list[last] = NULL;
	atomic_store(&imports->count, last);
}

/* One that no import of the list has; there are as many as there may be imports. */
static unsigned
free_place(const struct imports *imports, unsigned count)
{
	unsigned place = 0;

	for (unsigned i = 0; i < count; i++)
		if (imports->list[i]->place == place) {
			place++;
			i = UINT_MAX; /* once more from the first */
		}
	return place;
}

enum vault_err
imports_begin(struct op *op, struct vault_bytes passphrase, struct vault_text *id)
{
	struct imports *imports = &op->vault->imports;
	unsigned count = atomic_load(&imports->count);
	uint8_t bytes[IMPORT_ID_BYTES];
	struct import *import;

	if (count >= IMPORTS_MAX)
		return op_fail(op, VAULT_BUSY, NULL, "too many imports are under way");
	import = calloc(1, sizeof *import);
	if (import == NULL)
		return VAULT_BUSY;
	random_bytes(bytes, sizeof bytes);
	for (unsigned i = 0; i < sizeof bytes; i++)
		snprintf(import->id + 2 * i, 3, "%02x", bytes[i]);
	backup_reader_init(&import->reader);
	import->session = session_hold(op->session);
	import->used_ms = op->now.boot_ms;
	if (secret_copy(op->vault->arena, passphrase.p, passphrase.len, &import->passphrase) !=
		    VAULT_OK ||
	    scratch_init(&import->scratch, SCRATCH_BYTES, SCRATCH_MAX) != VAULT_OK) {
		import_free(import);
		return VAULT_BUSY;
	}
	import->place = free_place(imports, count);
	imports->list[count] = import;
	atomic_store(&imports->count, count + 1);
	return op_keep_text(op, text_of(import->id), id);
}

static enum vault_err
find(struct op *op, struct vault_text id, struct import **out)
{
	struct imports *imports = &op->vault->imports;

	for (unsigned i = 0; i < atomic_load(&imports->count); i++) {
		struct import *import = imports->list[i];

		if (import->session != op->session || atomic_load(&import->ended) ||
		    !text_is(id, import->id))
			continue;
		if (atomic_load(&import->busy)) {
			(void)op_fail(op, VAULT_CONFLICT, "import",
				      "wait for the answer to the last write");
			return VAULT_CONFLICT;
		}
		import->used_ms = op->now.boot_ms;
		*out = import;
		return VAULT_OK;
	}
	(void)op_fail(op, VAULT_NOT_FOUND, "import", "there is no such import on this connection");
	return VAULT_NOT_FOUND;
}

static enum vault_err
unlock(struct op *op, struct import *import)
{
	struct backup_secret secret = { .by = BACKUP_BY_PASSPHRASE,
					.bytes = { import->passphrase.p, import->passphrase.len } };
	enum vault_err err;
	SECRET_LOCAL(file_key);

	/* One opener, of which each costs what the file says of Argon2id. */
	if (import->reader.header.kind != BACKUP_TENANT || import->reader.header.opener_count != 1)
		return op_fail(op, VAULT_INVALID_PARAMS, "data", "not the export of a tenant");
	err = backup_open(&import->reader.header, op->vault->arena, &secret, &file_key);
	if (err == VAULT_NOT_FOUND || err == VAULT_DENIED)
		return op_fail(op, VAULT_DENIED, "passphrase", "it does not open this export");
	TRY(err);
	return backup_reader_key(&import->reader, &file_key);
}

static enum vault_err
take_item(struct import *import)
{
	const struct backup_item *item = &import->reader.item;
	uint32_t len = (uint32_t)item->bytes.len;

	if (item->type == BACKUP_ITEM_INFO) {
		/* It comes first, once: what follows hangs from it. */
		if (buf_len(&import->info) > 0 || buf_len(&import->records) > 0)
			return VAULT_INTEGRITY;
		return buf_append(&import->info, item->bytes.p, item->bytes.len);
	}
	if (item->type != BACKUP_ITEM_RECORD)
		return (item->type & BACKUP_MAY_SKIP) != 0 ? VAULT_OK : VAULT_UNSUPPORTED;
	if (buf_len(&import->info) == 0)
		return VAULT_INTEGRITY;
	TRY(buf_append(&import->records, &len, LENGTH_BYTES));
	return buf_append(&import->records, item->bytes.p, item->bytes.len);
}

static enum vault_err
take(struct op *op, struct import *import, struct vault_bytes data)
{
	enum backup_event event;

	TRY(backup_reader_push(&import->reader, data));
	for (;;) {
		TRY(backup_reader_next(&import->reader, &event));
		if (event == BACKUP_MORE)
			return VAULT_OK;
		if (event == BACKUP_GOT_HEADER)
			TRY(unlock(op, import));
		else if (event == BACKUP_GOT_ITEM)
			TRY(take_item(import));
	}
}

enum vault_err
imports_write(struct op *op, struct vault_text id, int64_t offset, struct vault_bytes data,
	      struct import **out)
{
	struct import *import;
	enum vault_err err;

	TRY(find(op, id, &import));
	if ((uint64_t)offset != import->received)
		return op_fail(op, VAULT_INVALID_PARAMS, "offset",
			       "not where the last write ended");
	buf_truncate(&import->records, 0);
	import->before = import->received;
	import->received += data.len;
	err = take(op, import, data);
	if (err != VAULT_OK) {
		atomic_store(&import->ended, true);
		return err;
	}
	atomic_store(&import->busy, true);
	*out = import;
	return VAULT_OK;
}

enum vault_err
imports_end(struct op *op, struct vault_text id, struct import **out)
{
	struct import *import;

	TRY(find(op, id, &import));
	if (backup_reader_finish(&import->reader) != VAULT_OK)
		return op_fail(op, VAULT_CONFLICT, "import", "the export is not whole");
	import->before = import->received;
	atomic_store(&import->busy, true);
	*out = import;
	return VAULT_OK;
}

/* One that was handed over comes back, but for a queue that was full; no turn takes so long. */
static bool
is_over(struct import *import, const struct clock_now *now)
{
	int64_t idle = now->boot_ms - import->used_ms;

	if (atomic_load(&import->busy))
		return idle > IMPORT_BUSY_MS;
	return atomic_load(&import->ended) || atomic_load(&import->session->gone) ||
	       idle >= IMPORT_IDLE_MS;
}

void
imports_sweep(struct vault *vault, const struct clock_now *now)
{
	struct imports *imports = &vault->imports;

	for (unsigned i = 0; i < atomic_load(&imports->count);) {
		struct import *import = imports->list[i];

		if (!is_over(import, now)) {
			i++;
			continue;
		}
		remove_at(imports, i);
		atomic_store(&vault->sweep, true);
	}
}

void
imports_free(struct imports *imports)
{
	while (atomic_load(&imports->count) > 0)
		remove_at(imports, 0);
}

bool
import_lives(struct vault *vault, uint32_t number)
{
	for (unsigned i = 0; i < IMPORTS_MAX; i++)
		if (atomic_load(&vault->imports.numbers[i]) == number)
			return true;
	return false;
}
