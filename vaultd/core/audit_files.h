/*
 * The audit's files: segments by number, and reading them without trust in what they say.
 */
#ifndef CORE_AUDIT_FILES_H
#define CORE_AUDIT_FILES_H

#include <stdatomic.h>
#include <sys/types.h>

#include "vaultd/core/audit_block.h"

#define AUDIT_NAME_MAX 48 /* bytes of a file name, NUL included */

/* An open segment file; shared by the appender and whoever flushes it, closed by the last of them.
 */
struct audit_file {
	int fd;
	atomic_uint refs;
};
struct audit_file *audit_file_ref(struct audit_file *file);
/* NULL is fine. */
void audit_file_unref(struct audit_file *file);

/* The directory's descriptor, or -1; the directory is made where it is missing. */
int audit_dir_open(const char *path);
/* "00000001.seg" */
void audit_segment_name(uint64_t segment, char name[static AUDIT_NAME_MAX]);
/* The number that such a name has, 0 for any other name. */
uint64_t audit_segment_number(const char *name);
/* Renames that segment, where there is one, to a name that nothing reads: nobody's record is
 * deleted. */
MUST_USE enum vault_err audit_set_aside(int dir, uint64_t segment);
/* The same with every segment from that number on. */
MUST_USE enum vault_err audit_set_aside_from(int dir, uint64_t first);
/* The lowest number there is, 0 where there is none. */
MUST_USE enum vault_err audit_lowest(int dir, uint64_t *lowest);
/* The highest. */
MUST_USE enum vault_err audit_highest(int dir, uint64_t *highest);

/* All of it or VAULT_AUDIT_UNAVAILABLE. */
MUST_USE enum vault_err audit_write_at(int fd, const void *p, size_t len, uint64_t offset);
/* Writes zeros; *done says how many, also on VAULT_AUDIT_UNAVAILABLE. */
MUST_USE enum vault_err audit_zero_fill(int fd, uint64_t offset, uint64_t len, uint64_t *done);

/* A segment file made ahead, under a name of its own until it is used. */
struct audit_spare {
	struct audit_file *file; /* NULL: none */
	struct secret key;
	uint64_t zeroed; /* bytes of zeros it has, flushed */
	struct audit_slot_rows slots;
	char name[AUDIT_NAME_MAX];
};
struct audit_spare_want {
	const char *name;
	uint64_t zeros;
	struct arena *arena;
	const struct audit_slot *slots;
	size_t slot_count;
};
MUST_USE enum vault_err audit_spare_make(int dir, const struct audit_spare_want *want,
					 struct audit_spare *spare);
/* Unlinks and frees what was not used. */
void audit_spare_drop(int dir, struct audit_spare *spare);

/* Reads through a window; any place and length may be asked for. */
struct audit_reader {
	int fd; /* -1: none */
	uint64_t size;
	bool backwards; /* the window is laid before what is asked for, not behind it */
	uint8_t *window;
	size_t cap, len;
	uint64_t at;
};
#define AUDIT_READER_NONE                                                                          \
	{                                                                                          \
		.fd = -1                                                                           \
	}
/*
 * VAULT_NOT_FOUND where there is no such segment; VAULT_INTEGRITY where it is no regular file;
 * VAULT_AUDIT_UNAVAILABLE, here and below, where the system does not let it be read.
 */
MUST_USE enum vault_err audit_reader_open(struct audit_reader *reader, int dir, uint64_t segment);
/*
 * *p borrows len bytes until the next call. VAULT_NOT_FOUND behind the file's end, VAULT_INTEGRITY
 * where the file became shorter meanwhile.
 */
MUST_USE enum vault_err audit_reader_get(struct audit_reader *reader, uint64_t offset, size_t len,
					 const uint8_t **p);
/* The offset behind the last byte from there on that is not zero; offset itself where all are. */
MUST_USE enum vault_err audit_reader_end(struct audit_reader *reader, uint64_t offset,
					 uint64_t *end);
/* Keeps the window's memory for the next file. */
void audit_reader_close(struct audit_reader *reader);
void audit_reader_free(struct audit_reader *reader);

#endif
