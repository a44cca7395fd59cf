/*
 * What the audit's tests share: an audit in a directory of its own, in memory where there is a
 * tmpfs.
 */
#ifndef TEST_AUDIT_FIXTURE_H
#define TEST_AUDIT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/ops.h"
#include "vaultd/base/log.h"
#include "vaultd/core/audit.h"
#include "vaultd/crypto/box.h"
#include "vaultd/crypto/init.h"

#define SEGMENT 65536
#define ARENA (1 << 20)
#define SECOND INT64_C(1000000000)

struct fixture {
	char dir[64];
	struct arena *arena;
	struct secret wrap, slot_secret;
	struct audit_keys keys;
	struct audit *audit;
	struct audit_head head;
	uint8_t first_key[32];
};

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)

static inline void
fixture_new_audit(struct fixture *f)
{
	struct audit_config config = { f->dir, f->arena, SEGMENT };

	assert_ok(audit_new(&config, &f->audit));
}

/* The keys and the directory; the audit is not begun. */
static inline void
fixture_bare(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "%s/test-audit-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	log_open(LOG_LEVEL_ERROR); /* recoveries are what is tested */
	assert_ok(crypto_init());
	assert_ok(arena_open(ARENA, false, &f->arena));
	assert_ok(secret_random(f->arena, 32, &f->wrap));
	f->keys.wrap_key = &f->wrap;
	memset(f->keys.store_id, 0x5a, sizeof(f->keys.store_id));
	assert_ok(box_keypair(f->arena, f->keys.slots[0].public_key, &f->slot_secret));
	snprintf(f->keys.slots[0].name, AUDIT_SLOT_NAME, "initial");
	f->keys.slot_count = 1;
	fixture_new_audit(f);
}

static inline void
fixture_open(struct fixture *f)
{
	fixture_bare(f);
	assert_ok(audit_create(f->audit, &f->keys, f->first_key, &f->head));
}

/* A directory of plain files. */
static inline void
fixture_remove_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	DIR *list = fdopendir(fd);

	assert_non_null(list);
	for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list))
		if (entry->d_name[0] != '.')
			assert_int_equal(unlinkat(fd, entry->d_name, 0), 0);
	closedir(list);
	assert_int_equal(rmdir(dir), 0);
}

static inline void
fixture_close(struct fixture *f)
{
	audit_free(f->audit);
	secret_free(&f->wrap);
	secret_free(&f->slot_secret);
	assert_int_equal(arena_used(f->arena), 0);
	arena_close(f->arena);
	fixture_remove_dir(f->dir);
}

/* The daemon is gone; another comes. */
static inline void
fixture_crash(struct fixture *f)
{
	audit_free(f->audit);
	fixture_new_audit(f);
}

static inline enum vault_err
fixture_start(struct fixture *f, const struct audit_head *stored, struct audit_recovery *found)
{
	enum vault_err err;

	memset(found, 0, sizeof(*found));
	err = audit_start(f->audit, &f->keys, stored, NULL, found);
	if (err == VAULT_OK)
		f->head = found->head;
	return err;
}

static const uint8_t fixture_jti[AUDIT_JTI_BYTES] = { 1, 2, 3 };

/* n records whose version counts from first, a second apart. */
static inline enum vault_err
fixture_append_from(struct fixture *f, uint32_t first, uint32_t n, enum audit_class what)
{
	struct audit_batch batch = { 0 };
	struct audit_head head;
	enum vault_err err;

	for (uint32_t i = 0; i < n; i++) {
		struct audit_record rec = {
			.time_ns = (first + i) * SECOND,
			.uid = 1000,
			.gid = 1001,
			.pid = 77,
			.method = OP_token_sign,
			.outcome = audit_outcome_ok,
			.tenant = 7,
			.version = first + i,
			.jti = { fixture_jti, sizeof(fixture_jti) },
		};

		assert_ok(audit_batch_add(&batch, &rec));
	}
	err = audit_append(f->audit, &batch, what, first * SECOND, &head);
	if (err == VAULT_OK)
		f->head = head;
	audit_batch_free(&batch);
	return err;
}

static inline enum vault_err
fixture_append(struct fixture *f, uint32_t n)
{
	return fixture_append_from(f, 1, n, AUDIT_READS);
}

static inline struct audit_verdict
fixture_verify(struct fixture *f)
{
	struct audit_check check = { .first_public_key = f->first_key };
	struct audit_verdict verdict;

	assert_ok(audit_verify(f->audit, &check, &verdict));
	return verdict;
}

static inline void
fixture_verify_ok(struct fixture *f)
{
	struct audit_verdict verdict = fixture_verify(f);

	if (!verdict.ok)
		fail_msg("broken at %llu: %s", (unsigned long long)verdict.broken_seq, verdict.why);
	assert_int_equal(verdict.first, 1);
}

static inline void
fixture_path(const struct fixture *f, const char *name, char path[static 128])
{
	snprintf(path, 128, "%s/%s", f->dir, name);
}

static inline void
fixture_segment(const struct fixture *f, uint64_t segment, char path[static 128])
{
	snprintf(path, 128, "%s/%08llu.seg", f->dir, (unsigned long long)segment);
}

struct file {
	size_t len;
	uint8_t *p;
};

static inline struct file
file_load(const char *path)
{
	struct file file = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	file.len = (size_t)st.st_size;
	file.p = malloc(file.len + 1);
	assert_int_equal(pread(fd, file.p, file.len, 0), file.len);
	close(fd);
	return file;
}

static inline void
file_save(const char *path, const struct file *file, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file->p, len), len);
	close(fd);
}

static inline void
file_poke(const char *path, off_t at, uint8_t flip)
{
	uint8_t byte;
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= flip;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

#endif
