/*
 * Writes the container. Bytes come out in a buffer that the caller takes from, which is all the
 * memory there is: whoever takes them soon needs little.
 */
#ifndef BACKUP_WRITER_H
#define BACKUP_WRITER_H

#include "vaultd/backup/backup_format.h"

struct backup_writer {
	/*
	 * The finished bytes, for the caller to take by backup_writer_take; behind them the chunk under
	 * construction, which is sealed where it is gathered.
	 */
	struct buf out;
	size_t ready; /* how many are finished */
	struct stream stream;
	struct sha256 hash; /* of all bytes before the manifest */
	bool first;
	uint8_t header_hash[SHA256_BYTES];
	struct backup_manifest
		counts; /* kept as items come; the rest of the manifest is the caller's */
};

/*
 * Puts the header out. header's openers must hold file_key sealed already; its stream and hash are
 * set here.
 */
MUST_USE enum vault_err backup_writer_start(struct backup_writer *writer,
					    struct backup_header *header,
					    const struct secret *file_key);
/* An item of two parts, of which the second may be empty. VAULT_TOO_LARGE beyond BACKUP_ITEM_MAX. */
MUST_USE enum vault_err backup_writer_item(struct backup_writer *writer, unsigned type,
					   struct vault_bytes head, struct vault_bytes body);
/* Seals what stands plain, so that none of it is in memory any more. */
MUST_USE enum vault_err backup_writer_cut(struct backup_writer *writer);
/*
 * The last chunk and the manifest. Of *manifest the revision, audit, times and next_tenant are the
 * caller's; the rest is set.
 */
MUST_USE enum vault_err backup_writer_end(struct backup_writer *writer,
					  struct backup_manifest *manifest,
					  const struct ed25519_key *identity);
/* Takes n of the ready bytes from the front of out. */
void backup_writer_take(struct backup_writer *writer, size_t n);
void backup_writer_free(struct backup_writer *writer);

#endif
