#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vaultd/core/audit_files.h"

#define READER_WINDOW 262144 /* bytes read at once; a longer block makes the window grow */

/* Out of descriptors, or no permission, says nothing about what the file holds. */
static enum vault_err
open_error(int error)
{
	if (error == ENOENT)
		return VAULT_NOT_FOUND;
	return error == ELOOP ? VAULT_INTEGRITY : VAULT_AUDIT_UNAVAILABLE;
}

enum vault_err
audit_reader_open(struct audit_reader *reader, int dir, uint64_t segment)
{
	char name[AUDIT_NAME_MAX];
	struct stat st;
	int fd;

	audit_segment_name(segment, name);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return open_error(errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return VAULT_INTEGRITY;
	}
	audit_reader_close(reader);
	reader->fd = fd;
	reader->size = (uint64_t)st.st_size;
	return VAULT_OK;
}

static enum vault_err
reader_load(struct audit_reader *reader, uint64_t offset, size_t len)
{
	size_t cap = len > READER_WINDOW ? len : READER_WINDOW;
	uint64_t at = offset;

	if (cap > reader->cap) {
		uint8_t *window = realloc(reader->window, cap);

		if (window == NULL)
			return VAULT_BUSY;
		reader->window = window;
		reader->cap = cap;
	}
	if (reader->backwards)
		at = offset + len > reader->cap ? offset + len - reader->cap : 0;
	reader->at = at;
	reader->len = 0;
	while (reader->len < reader->cap) {
		ssize_t n = pread(reader->fd, reader->window + reader->len,
				  reader->cap - reader->len, (off_t)(at + reader->len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return VAULT_AUDIT_UNAVAILABLE;
		if (n == 0)
			break;
		reader->len += (size_t)n;
	}
	return at + reader->len >= offset + len ? VAULT_OK : VAULT_INTEGRITY;
}

enum vault_err
audit_reader_get(struct audit_reader *reader, uint64_t offset, size_t len, const uint8_t **p)
{
	if (offset > reader->size || len > reader->size - offset)
		return VAULT_NOT_FOUND;
	if (offset < reader->at || offset + len > reader->at + reader->len)
		TRY(reader_load(reader, offset, len));
	*p = reader->window + (offset - reader->at);
	return VAULT_OK;
}

enum vault_err
audit_reader_end(struct audit_reader *reader, uint64_t offset, uint64_t *end)
{
	uint64_t last = offset;

	while (offset < reader->size) {
		uint64_t left = reader->size - offset;
		size_t len = left < READER_WINDOW ? (size_t)left : READER_WINDOW;
		const uint8_t *p;

		TRY(audit_reader_get(reader, offset, len, &p));
		for (size_t i = len; i > 0; i--)
			if (p[i - 1] != 0) {
				last = offset + i;
				break;
			}
		offset += len;
	}
	*end = last;
	return VAULT_OK;
}

void
audit_reader_close(struct audit_reader *reader)
{
	if (reader->fd >= 0)
		close(reader->fd);
	reader->fd = -1;
	reader->size = reader->at = 0;
	reader->len = 0;
}

void
audit_reader_free(struct audit_reader *reader)
{
	audit_reader_close(reader);
	free(reader->window);
	reader->window = NULL;
	reader->cap = 0;
}
