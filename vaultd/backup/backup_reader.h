/*
 * Reads the container as bytes arrive, from whoever wrote it: push some, then ask for what is next
 * until it wants more. Memory is bounded by an item and what is pushed at once. Nothing that was
 * read counts before backup_reader_finish has said that it was the whole.
 */
#ifndef BACKUP_READER_H
#define BACKUP_READER_H

#include "vaultd/backup/backup_format.h"

enum backup_event {
	BACKUP_MORE,	    /* push more, or finish */
	BACKUP_GOT_HEADER,  /* it stands in header; now is the time for the key */
	BACKUP_GOT_CHUNK,   /* without a key: another one went by */
	BACKUP_GOT_ITEM,    /* it stands in item, valid until the next call */
	BACKUP_GOT_MANIFEST /* it stands in manifest, and is true of what was read */
};

struct backup_item {
	unsigned type;
	struct vault_bytes bytes;
};

enum backup_reader_state { BACKUP_IN_HEADER, BACKUP_IN_CHUNKS, BACKUP_BEHIND };

struct backup_reader {
	struct backup_header header;
	struct backup_manifest manifest;
	struct backup_item item;
	/* Its own. */
	enum backup_reader_state state;
	enum vault_err failed; /* stays */
	struct buf in;	       /* pushed and not yet read */
	struct buf plain;      /* opened and not yet given out */
	size_t given;	       /* bytes at the front of plain that were given out as the item */
	struct stream stream;  /* empty without a key */
	struct sha256 hash;
	bool last; /* the final chunk was opened */
	struct backup_manifest counts;
};

void backup_reader_init(struct backup_reader *reader);
void backup_reader_free(struct backup_reader *reader);

#define BACKUP_PUSH_MAX (1024u * 1024)
/* At most BACKUP_PUSH_MAX, and only when it was asked for more. VAULT_BUSY when memory is short. */
MUST_USE enum vault_err backup_reader_push(struct backup_reader *reader, struct vault_bytes bytes);
/*
 * VAULT_INTEGRITY for what no writer wrote, VAULT_UNSUPPORTED for a newer format; either way it is
 * over.
 */
MUST_USE enum vault_err backup_reader_next(struct backup_reader *reader, enum backup_event *event);
/*
 * Behind BACKUP_GOT_HEADER: opens the chunks. Without it framing, hash and signature are looked at
 * alone.
 */
MUST_USE enum vault_err backup_reader_key(struct backup_reader *reader,
					  const struct secret *file_key);
/* No more will come: VAULT_OK only where the manifest was read and nothing stands behind it. */
MUST_USE enum vault_err backup_reader_finish(struct backup_reader *reader);

#endif
