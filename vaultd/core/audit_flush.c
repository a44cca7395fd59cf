#include <unistd.h>

#include "vaultd/core/audit_state.h"

/* What one flush covers. */
struct flush {
	struct audit_file *files[AUDIT_CLOSED_MAX + 1]; /* oldest first, the open one last */
	size_t count;
	struct audit_head upto;
	uint64_t names;
	bool names_due;
};

static bool
head_reached(const struct audit_head *have, const struct audit_head *want)
{
	return have->segment > want->segment ||
	       (have->segment == want->segment && have->offset >= want->offset);
}

static bool
flush_begin(struct audit *audit, const struct audit_head *upto, struct flush *flush)
{
	if (head_reached(&audit->flushed, upto))
		return false;
	for (size_t i = 0; i < audit->closed_count; i++)
		flush->files[flush->count++] = audit_file_ref(audit->closed[i]);
	flush->files[flush->count++] = audit_file_ref(audit->file);
	flush->upto = audit->head;
	flush->names = audit->names_made;
	flush->names_due = audit->names_made != audit->names_flushed;
	return true;
}

static bool
flush_sync(const struct audit *audit, const struct flush *flush)
{
	bool ok = true;

	for (size_t i = 0; i < flush->count; i++)
		ok = fdatasync(flush->files[i]->fd) == 0 && ok;
	if (flush->names_due) {
		int dir = audit_dir_open(audit->path);

		ok = dir >= 0 && fsync(dir) == 0 && ok;
		if (dir >= 0)
			close(dir);
	}
	return ok;
}

static void
flush_end(struct audit *audit, struct flush *flush)
{
	size_t kept = 0;

	if (!head_reached(&audit->flushed, &flush->upto))
		audit->flushed = flush->upto;
	if (flush->names > audit->names_flushed)
		audit->names_flushed = flush->names;
	/* Files are closed in order, so what this flush covered is the front of the list, less what
	 * is gone already. */
	for (size_t i = 0; i < audit->closed_count; i++) {
		bool covered = false;

		for (size_t k = 0; k + 1 < flush->count; k++)
			covered = covered || flush->files[k] == audit->closed[i];
		if (covered)
			audit_file_unref(audit->closed[i]);
		else
			audit->closed[kept++] = audit->closed[i];
	}
	audit->closed_count = kept;
}

enum vault_err
audit_flush(struct audit *audit, const struct audit_head *upto)
{
	struct flush flush = { 0 };
	bool due, ok, failed;

	pthread_mutex_lock(&audit->append);
	if (!audit->running) {
		pthread_mutex_unlock(&audit->append);
		return VAULT_SEALED;
	}
	failed = audit->failed;
	due = !failed && flush_begin(audit, upto, &flush);
	pthread_mutex_unlock(&audit->append);
	if (failed)
		return VAULT_INTERNAL;
	if (!due)
		return VAULT_OK;
	ok = flush_sync(audit, &flush);
	pthread_mutex_lock(&audit->append);
	if (ok)
		flush_end(audit, &flush);
	else
		audit->failed = true;
	failed = audit->failed;
	pthread_mutex_unlock(&audit->append);
	for (size_t i = 0; i < flush.count; i++)
		audit_file_unref(flush.files[i]);
	return failed ? VAULT_INTERNAL : VAULT_OK;
}
