/*
 * Who can open a backup, made when it is written and tried when it is read.
 */
#ifndef BACKUP_OPENER_H
#define BACKUP_OPENER_H

#include "vaultd/backup/backup_format.h"

/* The file's key sealed to the opener's public half, which is set already, as are by and name. */
MUST_USE enum vault_err backup_opener_seal(struct backup_opener *opener,
					   const struct secret *file_key);
/* A passphrase, and what Argon2id is to cost: memory in bytes. */
struct backup_words {
	struct vault_bytes passphrase;
	uint64_t memory, passes;
};
/*
 * Makes opener one that a passphrase opens, with a pair of its own; file_key is sealed to it. Slow:
 * Argon2id.
 */
MUST_USE enum vault_err backup_opener_passphrase(struct backup_opener *opener,
						 const uint8_t store_id[static 16],
						 const struct backup_words *words,
						 const struct secret *file_key);

/*
 * What somebody brings: a passphrase, a key file's bytes, what shares were put together to, or an
 * identity's private half (BOX_SECRET_BYTES).
 */
struct backup_secret {
	enum backup_by by;
	struct vault_bytes bytes;
	struct vault_text name; /* of the slot or recipient; p NULL: any */
};
/*
 * The file's key. VAULT_DENIED where the secret opens none of its openers, VAULT_NOT_FOUND where
 * none is of that kind and name, VAULT_INTEGRITY where one is damaged. Slow for a passphrase.
 */
MUST_USE enum vault_err backup_open(const struct backup_header *header, struct arena *arena,
				    const struct backup_secret *secret, struct secret *file_key);

/* The same, and the pair that opened it: a slot's own also opens what else was sealed to the slot. */
struct backup_half {
	uint8_t public_key[BOX_PUBLIC_BYTES];
	struct secret secret;
};
MUST_USE enum vault_err backup_open_half(const struct backup_header *header, struct arena *arena,
					 const struct backup_secret *secret,
					 struct secret *file_key, struct backup_half *half);

#endif
