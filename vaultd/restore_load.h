/*
 * A backup's file into an empty store: its rows under the ids that they had. Nothing of it counts
 * before restore_load has said that the file was whole. Functions say on the log why they failed.
 */
#ifndef VAULTD_RESTORE_LOAD_H
#define VAULTD_RESTORE_LOAD_H

#include "vaultd/backup/backup_opener.h"
#include "vaultd/backup/backup_reader.h"
#include "vaultd/core/vault.h"

/* A file that was opened before the sandbox closed it off. */
struct restore_file {
	const char *path;
	int fd; /* -1: none */
	uint64_t size;
};
MUST_USE enum vault_err restore_file_open(struct restore_file *file, const char *path);
void restore_file_close(struct restore_file *file);

/* A certificate, as far as one may be long. */
MUST_USE enum vault_err restore_read_text(const char *path, struct buf *out);

struct restore_load {
	struct vault *vault;
	const struct backup_secret *secret;
	/* Set by loading. */
	struct backup_header header;
	struct backup_manifest manifest;
	struct slot_opened root;
	struct backup_half half; /* of the slot that opened the file; empty where none did */
	/* Its own. */
	struct txn *txn;
	size_t pending; /* bytes in txn */
	uint64_t read;	/* bytes of the file */
	bool keys;	/* it is the file of the tenants' keys that is being read */
};
/*
 * Reads the header alone, so that what cannot be restored is refused before anything is asked for or
 * made.
 */
MUST_USE enum vault_err restore_read_header(const struct restore_file *file,
					    struct backup_header *header);
/*
 * Whose signature the file has, as vaultctl shows it; VAULT_CONFLICT where another's (NULL: any) is
 * wanted. A slot's public half stands in every backup, so who can put a file in a backup's place can
 * make one of a store of his own that a slot's secret opens: only this tells it from ours.
 */
#define RESTORE_SIGNER_TEXT 44 /* 32 bytes in base64url, and a NUL */
void restore_signer_text(const struct backup_header *header, char text[static RESTORE_SIGNER_TEXT]);
MUST_USE enum vault_err restore_check_signer(const struct backup_header *header,
					     const char *wanted);
MUST_USE enum vault_err restore_load(struct restore_load *load, const struct restore_file *file);
/* Then, where the backup is split, the tenants' keys from their own file. */
MUST_USE enum vault_err restore_load_keys(struct restore_load *load,
					  const struct restore_file *file);
void restore_load_free(struct restore_load *load);

/* Whether somebody asked for an end; signals are held back meanwhile. */
bool restore_interrupted(void);

#endif
