#include "vaultd/restore_load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vaultd/base/base64.h"
#include "vaultd/base/bytes.h"
#include "vaultd/base/log.h"
#include "vaultd/core/signed_text.h"
#include "vaultd/restore_progress.h"

#define READ_BYTES (256u * 1024) /* of the file at once */
#define BATCH_BYTES (8u << 20)	 /* of items in one transaction, which bounds its memory */
#define ITEM_COST 64		 /* bytes that an item counts for besides its own */

enum vault_err
restore_file_open(struct restore_file *file, const char *path)
{
	struct stat st;

	*file = (struct restore_file){ path, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), 0 };
	if (file->fd < 0 || fstat(file->fd, &st) != 0) {
		log_error("%s: %s", path, strerror(errno));
		restore_file_close(file);
		return VAULT_INVALID_PARAMS;
	}
	if (!S_ISREG(st.st_mode)) {
		log_error("%s is no file", path);
		restore_file_close(file);
		return VAULT_INVALID_PARAMS;
	}
	file->size = (uint64_t)st.st_size;
	return VAULT_OK;
}

void
restore_file_close(struct restore_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

enum vault_err
restore_read_text(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum vault_err err = fd < 0 ? VAULT_INVALID_PARAMS : buf_reserve(out, SIGNED_TEXT_MAX + 1);
	ssize_t n = err == VAULT_OK ? read(fd, out->p, SIGNED_TEXT_MAX + 1) : -1;

	if (n < 0)
		log_error("%s: %s", path, strerror(errno));
	else
		out->tail = (size_t)n;
	if (fd >= 0)
		close(fd);
	return n < 0 ? VAULT_INVALID_PARAMS : VAULT_OK;
}

bool
restore_interrupted(void)
{
	const struct timespec at_once = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return sigtimedwait(&set, NULL, &at_once) > 0;
}

static enum vault_err
read_some(const struct restore_file *file, uint64_t at, uint8_t *bytes, size_t *n)
{
	ssize_t got;

	do
		got = pread(file->fd, bytes, READ_BYTES, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		log_error("%s: %s", file->path, strerror(errno));
		return VAULT_INTERNAL;
	}
	*n = (size_t)got;
	return VAULT_OK;
}

static enum vault_err
tell_damage(const struct restore_file *file, enum vault_err err)
{
	if (err == VAULT_INTEGRITY)
		log_error("%s is damaged, cut short, or no backup: take another copy, or the "
			  "backup before it; vaultctl backup verify checks one",
			  file->path);
	else if (err == VAULT_UNSUPPORTED)
		log_error("%s was written by a newer build; restore with that", file->path);
	return err;
}

enum vault_err
restore_read_header(const struct restore_file *file, struct backup_header *header)
{
	uint8_t bytes[BACKUP_HEADER_MAX];
	enum vault_err err;
	size_t size = 0;
	ssize_t got;

	do
		got = pread(file->fd, bytes, sizeof bytes, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return VAULT_INTERNAL;
	err = backup_header_read((struct vault_bytes){ bytes, (size_t)got }, header, &size);
	if (err == VAULT_OK && size == 0)
		err = VAULT_INTEGRITY;
	return tell_damage(file, err);
}

void
restore_signer_text(const struct backup_header *header, char text[static RESTORE_SIGNER_TEXT])
{
	text[base64url_encode(header->identity, sizeof header->identity, text)] = '\0';
}

enum vault_err
restore_check_signer(const struct backup_header *header, const char *wanted)
{
	char signer[RESTORE_SIGNER_TEXT];

	restore_signer_text(header, signer);
	if (wanted == NULL || strcmp(wanted, signer) == 0)
		return VAULT_OK;
	log_error("--signed-by: the backup was signed by %s", signer);
	return VAULT_CONFLICT;
}

/* Commits what there is and begins anew: a batch is durable, but nothing looks at it yet. */
static enum vault_err
next_batch(struct restore_load *load)
{
	struct txn *full = load->txn;

	load->txn = NULL;
	load->pending = 0;
	if (full != NULL)
		TRY(txn_commit(full));
	return txn_write(load->vault->store, &load->txn);
}

static enum vault_err
take_root(struct restore_load *load, struct vault_bytes bytes)
{
	if (bytes.len != 4 + ROOT_KEY_BYTES || load->root.root.p != NULL)
		return VAULT_INTEGRITY;
	load->root.generation = get_le32(bytes.p);
	return secret_copy(load->vault->arena, bytes.p + 4, ROOT_KEY_BYTES, &load->root.root);
}

/* As it stood in meta; the next record id follows from the rows and is no smaller than it was. */
static enum vault_err
take_meta(struct restore_load *load, struct vault_bytes bytes)
{
	char name[256] = "";
	struct vault_bytes value;
	size_t len = bytes.len == 0 ? 0 : bytes.p[0];

	if (len == 0 || bytes.len < 1 + len)
		return VAULT_INTEGRITY;
	memcpy(name, bytes.p + 1, len);
	if (strlen(name) != len)
		return VAULT_INTEGRITY;
	value = (struct vault_bytes){ bytes.p + 1 + len, bytes.len - 1 - len };
	if (strcmp(name, "next_row") != 0)
		return meta_put(load->txn, name, value);
	if (value.len != 8)
		return VAULT_INTEGRITY;
	row_skip_to(load->txn, get_le64(value.p));
	return VAULT_OK;
}

static enum vault_err
take_row(struct restore_load *load, struct vault_bytes bytes)
{
	enum vault_err err;

	if (bytes.len <= BACKUP_ROW_HEAD)
		return VAULT_INTEGRITY;
	err = row_restore(
		load->txn, get_le(bytes.p, BACKUP_ROW_HEAD),
		(struct vault_bytes){ bytes.p + BACKUP_ROW_HEAD, bytes.len - BACKUP_ROW_HEAD });
	return err == VAULT_EXISTS ? VAULT_INTEGRITY : err;
}

static enum vault_err
take_link(struct restore_load *load, struct vault_bytes bytes)
{
	struct backup_place place;
	struct row_key key;

	if (bytes.len != BACKUP_LINK_BYTES)
		return VAULT_INTEGRITY;
	place = backup_place_read(bytes.p);
	key = (struct row_key){ .tenant = place.tenant, .kind = place.kind };
	memcpy(key.tag, place.tag, sizeof key.tag);
	return row_link(load->txn, &key, place.row);
}

static enum vault_err
take_item(struct restore_load *load, const struct backup_item *item)
{
	if (load->pending >= BATCH_BYTES)
		TRY(next_batch(load));
	load->pending += item->bytes.len + ITEM_COST;
	switch (item->type) {
	case BACKUP_ITEM_ROOT:
		return load->keys ? VAULT_OK : take_root(load, item->bytes);
	case BACKUP_ITEM_META:
		return load->keys ? VAULT_INTEGRITY : take_meta(load, item->bytes);
	case BACKUP_ITEM_ROW:
		return take_row(load, item->bytes);
	case BACKUP_ITEM_LINK:
		return take_link(load, item->bytes);
	default:
		return (item->type & BACKUP_MAY_SKIP) != 0 ? VAULT_OK : VAULT_UNSUPPORTED;
	}
}

static enum vault_err
tell_wrong_secret(enum vault_err err)
{
	if (err == VAULT_DENIED)
		log_error("the backup does not open with this secret: take one of when it was "
			  "made; vaultctl backup inspect tells who opens it");
	else if (err == VAULT_NOT_FOUND)
		log_error("the backup is not for a secret of this kind: vaultctl backup inspect "
			  "tells who opens it");
	return err == VAULT_NOT_FOUND ? VAULT_DENIED : err;
}

static enum vault_err
unlock(struct restore_load *load, struct backup_reader *reader)
{
	struct backup_half half = { 0 };
	enum vault_err err;
	SECRET_LOCAL(file_key);

	if (memcmp(reader->header.hash, load->header.hash, sizeof load->header.hash) != 0)
		return VAULT_INTEGRITY; /* the file was exchanged meanwhile */
	err = tell_wrong_secret(backup_open_half(&reader->header, load->vault->arena, load->secret,
						 &file_key, &half));
	if (err == VAULT_OK && load->half.secret.p == NULL) {
		memcpy(load->half.public_key, half.public_key, sizeof half.public_key);
		secret_move(&load->half.secret, &half.secret);
	}
	secret_free(&half.secret);
	TRY(err);
	return backup_reader_key(reader, &file_key);
}

/* What can be told from what was pushed. */
static enum vault_err
take_pushed(struct restore_load *load, struct backup_reader *reader)
{
	enum backup_event event;

	for (;;) {
		TRY(backup_reader_next(reader, &event));
		switch (event) {
		case BACKUP_MORE:
			return VAULT_OK;
		case BACKUP_GOT_HEADER:
			TRY(unlock(load, reader));
			break;
		case BACKUP_GOT_ITEM:
			TRY(take_item(load, &reader->item));
			break;
		case BACKUP_GOT_CHUNK:
		case BACKUP_GOT_MANIFEST:
			break;
		}
	}
}

static enum vault_err
pump(struct restore_load *load, const struct restore_file *file, struct backup_reader *reader,
     uint8_t *bytes)
{
	struct progress progress = progress_start("restoring", file->size);
	enum vault_err err = VAULT_OK;
	size_t n = 1;

	load->read = 0;
	while (err == VAULT_OK && n > 0) {
		err = restore_interrupted() ? VAULT_BUSY : read_some(file, load->read, bytes, &n);
		if (err == VAULT_OK && n > 0)
			err = backup_reader_push(reader, (struct vault_bytes){ bytes, n });
		if (err == VAULT_OK)
			err = take_pushed(load, reader);
		load->read += n;
		progress_tell(&progress, load->read);
	}
	progress_end(&progress);
	return err == VAULT_OK ? backup_reader_finish(reader) : err;
}

static enum vault_err
read_file(struct restore_load *load, const struct restore_file *file, struct backup_reader *reader)
{
	uint8_t *bytes = malloc(READ_BYTES);
	enum vault_err err = bytes == NULL ? VAULT_BUSY : next_batch(load);

	if (err == VAULT_OK)
		err = pump(load, file, reader, bytes);
	free(bytes);
	if (err == VAULT_OK) {
		err = txn_commit(load->txn);
		load->txn = NULL;
	}
	return tell_damage(file, err);
}

enum vault_err
restore_load(struct restore_load *load, const struct restore_file *file)
{
	struct backup_reader reader;
	enum vault_err err;

	TRY(restore_read_header(file, &load->header));
	backup_reader_init(&reader);
	err = read_file(load, file, &reader);
	load->manifest = reader.manifest;
	backup_reader_free(&reader);
	if (err == VAULT_OK && load->root.root.p == NULL)
		err = tell_damage(file, VAULT_INTEGRITY);
	return err;
}

/* The same backup's, by the same store. */
static bool
belongs(const struct backup_header *keys, const struct backup_header *header)
{
	return keys->kind == BACKUP_KEYS && memcmp(keys->id, header->id, sizeof keys->id) == 0 &&
	       memcmp(keys->store_id, header->store_id, sizeof keys->store_id) == 0 &&
	       memcmp(keys->identity, header->identity, sizeof keys->identity) == 0;
}

enum vault_err
restore_load_keys(struct restore_load *load, const struct restore_file *file)
{
	struct backup_header header, whole = load->header;
	struct backup_reader reader;
	enum vault_err err;

	TRY(restore_read_header(file, &header));
	if (!belongs(&header, &load->header)) {
		log_error("%s does not hold the keys of this backup", file->path);
		return VAULT_INTEGRITY;
	}
	load->header = header;
	load->keys = true;
	backup_reader_init(&reader);
	err = read_file(load, file, &reader);
	backup_reader_free(&reader);
	load->header = whole;
	return err;
}

void
restore_load_free(struct restore_load *load)
{
	txn_abort(load->txn);
	load->txn = NULL;
	secret_free(&load->root.root);
	secret_free(&load->half.secret);
}
