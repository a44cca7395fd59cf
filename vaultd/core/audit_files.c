#include "vaultd/core/audit_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vaultd/base/random.h"

#define ZERO_CHUNK 65536 /* bytes of zeros kept for writing ahead */
#define ZERO_VECTORS 16	 /* chunks in one system call: 1 MiB */
#define SEGMENT_DIGITS 8 /* at least; a number may have more */

struct audit_file *
audit_file_ref(struct audit_file *file)
{
	atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
	return file;
}

void
audit_file_unref(struct audit_file *file)
{
	if (file == NULL || atomic_fetch_sub_explicit(&file->refs, 1, memory_order_acq_rel) != 1)
		return;
	close(file->fd);
	free(file);
}

int
audit_dir_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && mkdirat(AT_FDCWD, path, 0700) == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

void
audit_segment_name(uint64_t segment, char name[static AUDIT_NAME_MAX])
{
	snprintf(name, AUDIT_NAME_MAX, "%0*" PRIu64 ".seg", SEGMENT_DIGITS, segment);
}

uint64_t
audit_segment_number(const char *name)
{
	char again[AUDIT_NAME_MAX];
	uint64_t number = 0;
	const char *p = name;

	for (; *p >= '0' && *p <= '9' && number < UINT64_MAX / 100; p++)
		number = number * 10 + (uint64_t)(*p - '0');
	audit_segment_name(number, again);
	return strcmp(name, again) == 0 ? number : 0;
}

enum vault_err
audit_set_aside(int dir, uint64_t segment)
{
	char from[AUDIT_NAME_MAX], to[AUDIT_NAME_MAX];
	uint64_t nonce;

	random_bytes(&nonce, sizeof(nonce));
	audit_segment_name(segment, from);
	snprintf(to, sizeof(to), "%0*" PRIu64 ".%016" PRIx64 ".void", SEGMENT_DIGITS, segment,
		 nonce);
	return renameat(dir, from, dir, to) == 0 || errno == ENOENT ? VAULT_OK
								    : VAULT_AUDIT_UNAVAILABLE;
}

/* Reads the directory; NULL where that cannot be done. A descriptor of its own: the position
 * belongs to it. */
static DIR *
dir_list(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (list == NULL && fd >= 0)
		close(fd);
	return list;
}

enum vault_err
audit_set_aside_from(int dir, uint64_t first)
{
	DIR *list = dir_list(dir);
	enum vault_err err = VAULT_OK;

	if (list == NULL)
		return VAULT_AUDIT_UNAVAILABLE;
	for (struct dirent *entry = readdir(list); entry != NULL && err == VAULT_OK;
	     entry = readdir(list)) {
		uint64_t number = audit_segment_number(entry->d_name);

		if (number >= first && number != 0)
			err = audit_set_aside(dir, number);
	}
	closedir(list);
	return err;
}

static enum vault_err
segment_span(int dir, uint64_t *lowest, uint64_t *highest)
{
	DIR *list = dir_list(dir);

	*lowest = *highest = 0;
	if (list == NULL)
		return VAULT_AUDIT_UNAVAILABLE;
	for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
		uint64_t number = audit_segment_number(entry->d_name);

		if (number != 0 && (*lowest == 0 || number < *lowest))
			*lowest = number;
		if (number > *highest)
			*highest = number;
	}
	closedir(list);
	return VAULT_OK;
}

enum vault_err
audit_lowest(int dir, uint64_t *lowest)
{
	uint64_t highest;

	return segment_span(dir, lowest, &highest);
}

enum vault_err
audit_highest(int dir, uint64_t *highest)
{
	uint64_t lowest;

	return segment_span(dir, &lowest, highest);
}

enum vault_err
audit_write_at(int fd, const void *p, size_t len, uint64_t offset)
{
	const uint8_t *from = p;

	while (len > 0) {
		ssize_t n = pwrite(fd, from, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return VAULT_AUDIT_UNAVAILABLE;
		from += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return VAULT_OK;
}

enum vault_err
audit_zero_fill(int fd, uint64_t offset, uint64_t len, uint64_t *done)
{
	static const uint8_t zeros[ZERO_CHUNK];
	struct iovec vectors[ZERO_VECTORS];

	for (*done = 0; *done < len;) {
		uint64_t want = len - *done;
		int count = 0;
		ssize_t n;

		for (; count < ZERO_VECTORS && want > 0; count++) {
			vectors[count].iov_base = (void *)(uintptr_t)zeros;
			vectors[count].iov_len = want < ZERO_CHUNK ? want : ZERO_CHUNK;
			want -= vectors[count].iov_len;
		}
		n = pwritev(fd, vectors, count, (off_t)(offset + *done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return VAULT_AUDIT_UNAVAILABLE;
		*done += (uint64_t)n;
	}
	return VAULT_OK;
}

/* Everything of a spare but its name in the directory. */
static enum vault_err
spare_fill(int fd, const struct audit_spare_want *want, struct audit_spare *spare)
{
	TRY(secret_random(want->arena, AEAD_KEY_BYTES, &spare->key));
	TRY(audit_slot_rows_make(want->slots, want->slot_count, &spare->key, &spare->slots));
	TRY(audit_zero_fill(fd, 0, want->zeros, &spare->zeroed));
	if (want->zeros > 0 && fdatasync(fd) != 0)
		return VAULT_AUDIT_UNAVAILABLE;
	spare->file = malloc(sizeof(*spare->file));
	if (spare->file == NULL)
		return VAULT_BUSY;
	spare->file->fd = fd;
	atomic_init(&spare->file->refs, 1);
	return VAULT_OK;
}

enum vault_err
audit_spare_make(int dir, const struct audit_spare_want *want, struct audit_spare *spare)
{
	enum vault_err err;
	int fd;

	*spare = (struct audit_spare){ 0 };
	snprintf(spare->name, sizeof(spare->name), "%s", want->name);
	if (unlinkat(dir, want->name, 0) != 0 && errno != ENOENT)
		return VAULT_AUDIT_UNAVAILABLE;
	fd = openat(dir, want->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return VAULT_AUDIT_UNAVAILABLE;
	err = spare_fill(fd, want, spare);
	if (err != VAULT_OK) {
		close(fd);
		unlinkat(dir, want->name, 0);
		secret_free(&spare->key);
		*spare = (struct audit_spare){ 0 };
	}
	return err;
}

void
audit_spare_drop(int dir, struct audit_spare *spare)
{
	if (spare->file == NULL)
		return;
	if (dir >= 0)
		unlinkat(dir, spare->name, 0);
	audit_file_unref(spare->file);
	secret_free(&spare->key);
	*spare = (struct audit_spare){ 0 };
}
