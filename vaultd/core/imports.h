/*
 * Imports under way. Bytes of an export come in, are opened and taken apart on the slow lane, and
 * what they hold is written by the committer, piece by piece, under a number that nobody knows:
 * import.commit writes the tenant's own record, last. An import ends with its connection, after 60
 * idle seconds, with the first error, and with the vault being sealed; what it wrote is then swept,
 * also after a crash (ROW_IMPORT).
 */
#ifndef CORE_IMPORTS_H
#define CORE_IMPORTS_H

#include "vaultd/backup/backup_reader.h"
#include "vaultd/core/tenant.h"

#define IMPORT_IDLE_MS (60 * 1000)
#define IMPORT_BUSY_MS (600 * 1000)
#define IMPORT_ID_BYTES 16
#define IMPORT_ID_TEXT (2 * IMPORT_ID_BYTES + 1)

struct import {
	char id[IMPORT_ID_TEXT];
	struct session *session; /* held */
	unsigned place;		 /* of its tenant's number among imports' */
	int64_t used_ms;
	struct secret passphrase;
	struct backup_reader reader;
	uint64_t received;  /* bytes taken, the last write's included */
	uint64_t before;    /* ... and without them */
	struct buf records; /* of the last write: each behind its length (4) */
	struct buf info;    /* export_info as it came; empty: not yet */
	struct scratch scratch;
	struct tenant tenant; /* as rows are to be written; slot NULL: no number yet */
	/* Set by the slow lane as it hands it over, cleared by the committer. */
	_Atomic bool busy;
	_Atomic bool ended; /* it failed, or is done with */
};

/* On the slow lane. VAULT_BUSY where there are as many as may be. */
MUST_USE enum vault_err imports_begin(struct op *op, struct vault_bytes passphrase,
				      struct vault_text *id);
/*
 * Takes more of the file, and hands the import to the committer. VAULT_NOT_FOUND where the caller
 * has none of that id, VAULT_CONFLICT while his last one was not answered, VAULT_INVALID_PARAMS
 * naming offset, VAULT_DENIED where the passphrase does not open it, VAULT_INTEGRITY.
 */
MUST_USE enum vault_err imports_write(struct op *op, struct vault_text id, int64_t offset,
				      struct vault_bytes data, struct import **import);
/* The same at the end: VAULT_CONFLICT where the file was not whole. */
MUST_USE enum vault_err imports_end(struct op *op, struct vault_text id, struct import **import);
/* On the slow lane: ends those whose connection is gone, idle ones, and those that have ended. */
void imports_sweep(struct vault *vault, const struct clock_now *now);
/* While nothing else runs: ends all. */
void imports_free(struct imports *imports);

/* On the committer: writes what was handed over, and gives the import back. */
MUST_USE enum vault_err import_apply(struct op *op, struct import *import);
/* Makes it a tenant, of that name or (p NULL) its old one. VAULT_EXISTS. */
MUST_USE enum vault_err import_commit(struct op *op, struct import *import, struct vault_text name,
				      struct vault_text *tenant);
/* Whether the tenant of that number is on its way in. */
bool import_lives(struct vault *vault, uint32_t number);
/* The first import that no longer lives becomes an erasure; VAULT_NOT_FOUND where there is none. */
MUST_USE enum vault_err import_forget_dead(struct op *op);

#endif
