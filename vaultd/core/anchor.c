#include "vaultd/core/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vaultd/base/bytes.h"
#include "vaultd/crypto/kdf.h"

#define ANCHOR_FILE "anchor"
#define ANCHOR_FILE_NEW "anchor.new"
#define ANCHOR_FORMAT 1
#define ANCHOR_KEY_LABEL "vaultd anchor"

#define COMMIT_PERIOD_NS INT64_C(500000000) /* between writes, so that one is never a second late */
#define AUDIT_PERIOD_NS INT64_C(10000000000) /* ... where only the audit went on */

/* The file, see docs/STORAGE.md. */
#define AT_FORMAT 8
#define AT_STORE_ID 12
#define AT_REVISION 28
#define AT_SEGMENT 36
#define AT_OFFSET 44
#define AT_SEQ 52
#define AT_HASH 60
#define AT_TIME 92
#define AT_MAC 100
#define ANCHOR_BYTES 132

static const uint8_t magic[AT_FORMAT] = { 'V', 'A', 'U', 'D', 'A', 'N', 'C', '1' };

void
anchor_init(struct anchor *anchor, int dir)
{
	*anchor = (struct anchor){ .kept = dir >= 0, .dir = dir };
	pthread_mutex_init(&anchor->files, NULL);
	pthread_mutex_init(&anchor->marks, NULL);
}

void
anchor_free(struct anchor *anchor)
{
	if (!anchor->kept)
		return;
	anchor_close(anchor);
	pthread_mutex_destroy(&anchor->files);
	pthread_mutex_destroy(&anchor->marks);
	anchor->kept = false;
}

enum vault_err
anchor_open(struct anchor *anchor, const struct secret *name_key,
	    const uint8_t store_id[static AUDIT_STORE_ID_BYTES])
{
	SECRET_LOCAL(key);
	enum vault_err err;

	if (!anchor->kept)
		return VAULT_OK;
	anchor_close(anchor);
	TRY(secret_new(name_key->arena, KDF_KEY_BYTES, &key));
	kdf_derive(name_key->p, ANCHOR_KEY_LABEL, key.p);
	pthread_mutex_lock(&anchor->files);
	err = mac_key_init(&anchor->key, name_key->arena, MAC_SHA256,
			   (struct vault_bytes){ key.p, key.len });
	anchor->open = err == VAULT_OK;
	memcpy(anchor->store_id, store_id, sizeof anchor->store_id);
	pthread_mutex_unlock(&anchor->files);
	return err;
}

void
anchor_close(struct anchor *anchor)
{
	if (!anchor->kept)
		return;
	pthread_mutex_lock(&anchor->files);
	if (anchor->open)
		mac_key_free(&anchor->key);
	anchor->open = false;
	pthread_mutex_lock(&anchor->marks);
	anchor->committed = anchor->written = (struct anchor_mark){ 0 };
	anchor->ok = false;
	pthread_mutex_unlock(&anchor->marks);
	pthread_mutex_unlock(&anchor->files);
}

static void
mark_write(const struct anchor *anchor, const struct anchor_mark *mark,
	   uint8_t bytes[static ANCHOR_BYTES])
{
	memset(bytes, 0, ANCHOR_BYTES);
	memcpy(bytes, magic, sizeof magic);
	put_le16(bytes + AT_FORMAT, ANCHOR_FORMAT);
	memcpy(bytes + AT_STORE_ID, anchor->store_id, AUDIT_STORE_ID_BYTES);
	put_le64(bytes + AT_REVISION, mark->revision);
	put_le64(bytes + AT_SEGMENT, mark->audit.segment);
	put_le64(bytes + AT_OFFSET, mark->audit.offset);
	put_le64(bytes + AT_SEQ, mark->audit.seq);
	memcpy(bytes + AT_HASH, mark->audit.hash, sizeof mark->audit.hash);
	put_le64(bytes + AT_TIME, (uint64_t)mark->time_ns);
	mac_once(&anchor->key, (struct vault_bytes){ bytes, AT_MAC }, bytes + AT_MAC);
}

static enum anchor_found
mark_read(const struct anchor *anchor, const uint8_t bytes[static ANCHOR_BYTES],
	  struct anchor_mark *mark)
{
	if (memcmp(bytes, magic, sizeof magic) != 0 || get_le16(bytes + AT_FORMAT) != ANCHOR_FORMAT)
		return ANCHOR_DAMAGED;
	if (memcmp(bytes + AT_STORE_ID, anchor->store_id, AUDIT_STORE_ID_BYTES) != 0)
		return ANCHOR_FOREIGN;
	if (!mac_check(&anchor->key, (struct vault_bytes){ bytes, AT_MAC },
		       (struct vault_bytes){ bytes + AT_MAC, ANCHOR_BYTES - AT_MAC }))
		return ANCHOR_DAMAGED;
	mark->revision = get_le64(bytes + AT_REVISION);
	mark->audit.segment = get_le64(bytes + AT_SEGMENT);
	mark->audit.offset = get_le64(bytes + AT_OFFSET);
	mark->audit.seq = get_le64(bytes + AT_SEQ);
	memcpy(mark->audit.hash, bytes + AT_HASH, sizeof mark->audit.hash);
	mark->time_ns = (int64_t)get_le64(bytes + AT_TIME);
	return ANCHOR_GOOD;
}

static enum anchor_found
file_read(struct anchor *anchor, struct anchor_mark *mark)
{
	uint8_t bytes[ANCHOR_BYTES + 1];
	ssize_t n;
	int fd = openat(anchor->dir, ANCHOR_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? ANCHOR_NONE : ANCHOR_DAMAGED;
	n = pread(fd, bytes, sizeof bytes, 0);
	close(fd);
	return n == ANCHOR_BYTES ? mark_read(anchor, bytes, mark) : ANCHOR_DAMAGED;
}

enum anchor_found
anchor_read(struct anchor *anchor, struct anchor_mark *mark)
{
	struct anchor_mark read = { 0 };
	enum anchor_found found = ANCHOR_NONE;

	if (!anchor->kept)
		return found;
	pthread_mutex_lock(&anchor->files);
	if (anchor->open)
		found = file_read(anchor, &read);
	pthread_mutex_unlock(&anchor->files);
	if (found != ANCHOR_GOOD)
		return found;
	*mark = read;
	pthread_mutex_lock(&anchor->marks);
	anchor->written = read;
	anchor->ok = true;
	pthread_mutex_unlock(&anchor->marks);
	return found;
}

void
anchor_tell(struct anchor *anchor, uint64_t revision, const struct audit_head *audit)
{
	if (!anchor->kept)
		return;
	pthread_mutex_lock(&anchor->marks);
	anchor->committed.revision = revision;
	anchor->committed.audit = *audit;
	pthread_mutex_unlock(&anchor->marks);
}

/* In one piece: written beside it, flushed, and given its name, which is flushed too. */
static bool
file_replace(const struct anchor *anchor, const uint8_t bytes[static ANCHOR_BYTES])
{
	int fd = openat(anchor->dir, ANCHOR_FILE_NEW,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok;

	if (fd < 0)
		return false;
	ok = pwrite(fd, bytes, ANCHOR_BYTES, 0) == ANCHOR_BYTES && fsync(fd) == 0;
	close(fd);
	ok = ok && renameat(anchor->dir, ANCHOR_FILE_NEW, anchor->dir, ANCHOR_FILE) == 0;
	if (!ok)
		unlinkat(anchor->dir, ANCHOR_FILE_NEW, 0);
	return ok && fsync(anchor->dir) == 0;
}

static bool
further(const struct audit_head *a, const struct audit_head *b)
{
	return a->segment > b->segment || (a->segment == b->segment && a->offset > b->offset);
}

/* What is to be written now. */
static struct anchor_mark
mark_now(struct anchor *anchor, const struct audit_head *flushed, struct anchor_mark *written)
{
	struct anchor_mark mark;

	pthread_mutex_lock(&anchor->marks);
	mark = anchor->committed;
	*written = anchor->written;
	pthread_mutex_unlock(&anchor->marks);
	if (flushed != NULL && further(flushed, &mark.audit))
		mark.audit = *flushed;
	return mark;
}

static bool
same_place(const struct audit_head *a, const struct audit_head *b)
{
	return a->segment == b->segment && a->offset == b->offset && a->seq == b->seq;
}

static bool
write_locked(struct anchor *anchor, const struct audit_head *flushed, int64_t now_ns)
{
	uint8_t bytes[ANCHOR_BYTES];
	struct anchor_mark written, mark = mark_now(anchor, flushed, &written);
	bool ok;

	if (!anchor->open || mark.revision == 0 ||
	    (mark.revision == written.revision && same_place(&mark.audit, &written.audit)))
		return true;
	mark.time_ns = now_ns;
	mark_write(anchor, &mark, bytes);
	ok = file_replace(anchor, bytes);
	pthread_mutex_lock(&anchor->marks);
	anchor->ok = ok;
	if (ok)
		anchor->written = mark;
	pthread_mutex_unlock(&anchor->marks);
	return ok;
}

bool
anchor_write(struct anchor *anchor, const struct audit_head *flushed, int64_t now_ns)
{
	bool ok;

	if (!anchor->kept)
		return true;
	pthread_mutex_lock(&anchor->files);
	ok = write_locked(anchor, flushed, now_ns);
	pthread_mutex_unlock(&anchor->files);
	return ok;
}

bool
anchor_due(struct anchor *anchor, const struct audit_head *flushed, int64_t now_ns)
{
	struct anchor_mark written, mark;
	int64_t since;

	if (!anchor->kept)
		return false;
	mark = mark_now(anchor, flushed, &written);
	since = now_ns - written.time_ns;
	/* A clock that was set back must not hold it up. */
	if (since < 0)
		since = AUDIT_PERIOD_NS;
	if (mark.revision == 0)
		return false;
	if (mark.revision != written.revision)
		return since >= COMMIT_PERIOD_NS;
	return since >= AUDIT_PERIOD_NS && !same_place(&mark.audit, &written.audit);
}

void
anchor_status(struct anchor *anchor, struct anchor_status *status)
{
	*status = (struct anchor_status){ 0 };
	if (!anchor->kept)
		return;
	pthread_mutex_lock(&anchor->marks);
	*status = (struct anchor_status){ anchor->written.time_ns != 0, anchor->ok,
					  anchor->written.revision, anchor->written.time_ns };
	pthread_mutex_unlock(&anchor->marks);
}
