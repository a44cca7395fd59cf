/*
 * Backups under way: what backup.begin (and tenant.export) made, backup.read reads and backup.end
 * ends. Each belongs to the connection that began it, and ends when that does, when nobody has
 * asked for 60 seconds, and when the vault is sealed. The slow lane alone works on them, so nothing
 * here is locked.
 */
#ifndef CORE_BACKUPS_H
#define CORE_BACKUPS_H

#include <stdatomic.h>

#include "vaultd/backup/backup_writer.h"

struct op;
struct session;
struct clock_now;

#define BACKUPS_MAX 8 /* at once; each holds a snapshot of the store and about two MiB */
#define BACKUP_IDLE_MS (60 * 1000)
#define BACKUP_STREAMS 2	   /* a split backup's records, and its tenants' keys */
#define BACKUP_KEYS_SUFFIX ".keys" /* of the handle of the latter */
#define BACKUP_HANDLE_TEXT (BACKUP_ID_TEXT + sizeof BACKUP_KEYS_SUFFIX)

/* Where the items of one stream come from; the first member of what they are. */
struct backup_source {
	const struct backup_source_type *type;
	uint64_t records, total;	 /* told as progress */
	struct backup_manifest manifest; /* what backup_writer_end is to be given */
};
struct backup_source_type {
	/* Adds items until want bytes are ready or there are no more, which it tells. */
	enum vault_err (*more)(struct backup_source *source, struct backup_writer *writer,
			       size_t want, bool *done);
	void (*free)(struct backup_source *source);
};

struct backup_stream {
	struct backup_writer writer;
	struct backup_source *source;
	uint64_t offset; /* in the file of the first byte in writer.out */
	size_t given;	 /* of the ready bytes: what the last read was answered, to be told again */
	bool ended;	 /* the manifest is written */
	bool read;	 /* ... and was read */
};

/* What the ledger keeps of one that was read whole. */
struct backup_done {
	bool complete;
	char backup[BACKUP_ID_TEXT];
	int64_t begun_at; /* seconds since 1970 */
	enum backup_to to;
	char recipient[BACKUP_NAME_MAX + 1]; /* empty: none */
	bool split;
	uint32_t next_tenant;
	uint64_t revision;
	uint64_t bytes;
};

struct backup {
	uint8_t id[BACKUP_ID_BYTES];
	struct session *session; /* held */
	int64_t used_ms;	 /* CLOCK_BOOTTIME */
	struct backup_stream streams[BACKUP_STREAMS];
	unsigned stream_count;
	bool counts; /* for the ledger: a backup of the store */
	struct backup_done done;
};

struct backups {
	_Atomic unsigned count; /* also read by the keeper */
	_Atomic bool held;	/* the committer: a tenant is being erased in this group */
	struct backup *list[BACKUPS_MAX];
};

/*
 * A new one of the caller's, with a random id and no stream; VAULT_BUSY where there are as many as
 * may be. backups_remove takes it back where what follows fails.
 */
MUST_USE enum vault_err backups_add(struct op *op, struct backup **backup);
void backups_remove(struct backups *backups, struct backup *backup);
/*
 * Its next stream: the header, whose openers hold file_key sealed already, goes out. source is
 * taken over, also where it fails.
 */
MUST_USE enum vault_err backup_stream_start(struct backup *backup, struct backup_header *header,
					    const struct secret *file_key,
					    struct backup_source *source);

/* What a read is answered; data is valid until the handle is used again. */
struct backup_piece {
	uint64_t offset;
	struct vault_bytes data;
	bool done;
	uint64_t records, total;
};
/*
 * The bytes behind the last ones, or at the offset (negative: none is named) of the last read once
 * more. VAULT_NOT_FOUND where the caller has no such handle.
 */
MUST_USE enum vault_err backups_read(struct op *op, struct vault_text handle, int64_t offset,
				     struct backup_piece *piece);
/* Ends it; done->complete where it is a backup of the store that was read to its end. */
MUST_USE enum vault_err backups_end(struct op *op, struct vault_text handle,
				    struct backup_done *done);

/* The caller's backup of that handle, which is then in use. VAULT_NOT_FOUND. */
MUST_USE enum vault_err backups_find(struct op *op, struct vault_text handle,
				     struct backup **backup);
/* On the slow lane: ends those whose connection is gone, and idle ones. */
void backups_sweep(struct backups *backups, const struct clock_now *now);
/* While nothing else runs: ends all. */
void backups_free(struct backups *backups);

#endif
