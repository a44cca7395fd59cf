#include "tools/vaultctl/backup_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES (256u * 1024)

static int
open_file(const struct ctl *ctl, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		ctl_local(ctl, "%s: %m", path);
	return fd;
}

/* Everything that the bytes pushed so far hold. */
static enum vault_err
read_on(struct backup_reader *reader, const struct backup_secret *secret, struct arena *arena)
{
	enum backup_event event;

	for (;;) {
		SECRET_LOCAL(key);

		TRY(backup_reader_next(reader, &event));
		if (event == BACKUP_MORE)
			return VAULT_OK;
		if (event != BACKUP_GOT_HEADER || secret == NULL)
			continue;
		TRY(backup_open(&reader->header, arena, secret, &key));
		TRY(backup_reader_key(reader, &key));
	}
}

static enum vault_err
read_pieces(struct ctl *ctl, int fd, struct backup_reader *reader,
	    const struct backup_secret *secret, struct arena *arena)
{
	uint8_t *piece = malloc(PIECE_BYTES);
	enum vault_err err = piece == NULL ? VAULT_BUSY : VAULT_OK;
	struct stat st = { 0 };
	struct bar_at at = { 0 };
	ssize_t n = 1;

	if (fstat(fd, &st) == 0 && st.st_size > 0)
		at.total = (uint64_t)st.st_size;
	ctl_bar(ctl, NULL, NULL);
	while (err == VAULT_OK && n != 0) {
		n = read(fd, piece, PIECE_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ctl_local(ctl, "reading: %m");
			err = VAULT_INTERNAL;
		} else {
			err = backup_reader_push(reader, (struct vault_bytes){ piece, (size_t)n });
		}
		if (err == VAULT_OK)
			err = read_on(reader, secret, arena);
		at.done += n > 0 ? (uint64_t)n : 0;
		bar_show(&ctl->bar, &at);
	}
	bar_end(&ctl->bar);
	free(piece);
	return err == VAULT_OK ? backup_reader_finish(reader) : err;
}

enum vault_err
backup_read_whole(struct ctl *ctl, const struct backup_secret *secret, struct arena *arena,
		  struct backup_reading *reading)
{
	int fd = open_file(ctl, reading->path);
	struct backup_reader reader;
	enum vault_err err;

	if (fd < 0)
		return VAULT_INTERNAL;
	backup_reader_init(&reader);
	err = read_pieces(ctl, fd, &reader, secret, arena);
	reading->header = reader.header;
	reading->manifest = reader.manifest;
	reading->opened = secret != NULL;
	backup_reader_free(&reader);
	close(fd);
	return err;
}

/* Reads so many bytes from there; fewer are no backup. */
static enum vault_err
read_at(int fd, off_t at, uint8_t *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, to + done, n - done, at + (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return VAULT_INTERNAL;
		if (got == 0)
			return VAULT_INTEGRITY;
		done += (size_t)got;
	}
	return VAULT_OK;
}

static enum vault_err
read_ends(int fd, off_t size, struct backup_reading *reading)
{
	uint8_t header[BACKUP_HEADER_MAX], manifest[BACKUP_MANIFEST_BYTES];
	size_t len = size < (off_t)sizeof header ? (size_t)size : sizeof header, taken;

	if (size < (off_t)sizeof manifest)
		return VAULT_INTEGRITY;
	TRY(read_at(fd, 0, header, len));
	TRY(backup_header_read((struct vault_bytes){ header, len }, &reading->header, &taken));
	if (taken == 0)
		return VAULT_INTEGRITY;
	TRY(read_at(fd, size - (off_t)sizeof manifest, manifest, sizeof manifest));
	TRY(backup_manifest_read(manifest, reading->header.identity, &reading->manifest));
	return reading->manifest.bytes + sizeof manifest == (uint64_t)size &&
			       memcmp(reading->manifest.id, reading->header.id,
				      sizeof reading->manifest.id) == 0
		       ? VAULT_OK
		       : VAULT_INTEGRITY;
}

enum vault_err
backup_read_ends(const struct ctl *ctl, struct backup_reading *reading)
{
	int fd = open_file(ctl, reading->path);
	struct stat st;
	enum vault_err err;

	if (fd < 0)
		return VAULT_INTERNAL;
	err = fstat(fd, &st) == 0 ? read_ends(fd, st.st_size, reading) : VAULT_INTERNAL;
	if (err == VAULT_INTERNAL)
		ctl_local(ctl, "%s: %m", reading->path);
	close(fd);
	return err;
}
