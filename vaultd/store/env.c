#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "vaultd/store/lmdb.h"

#define STORE_TABLES 4 /* rows, index, meta, and the scrub's filler */

enum vault_err
store_error(int rc)
{
	switch (rc) {
	case 0:
		return VAULT_OK;
	case MDB_NOTFOUND:
		return VAULT_NOT_FOUND;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
		return VAULT_STORAGE_FULL;
	case MDB_READERS_FULL:
	case ENOMEM:
		return VAULT_BUSY;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
		return VAULT_INTEGRITY;
	default:
		return VAULT_INTERNAL;
	}
}

static enum vault_err
open_tables(struct store *store)
{
	MDB_txn *txn;
	MDB_val value;
	int rc;

	rc = mdb_txn_begin(store->env, NULL, 0, &txn);
	if (rc != 0)
		return store_error(rc);
	rc = mdb_dbi_open(txn, "rows", MDB_CREATE | MDB_INTEGERKEY, &store->rows);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "index", MDB_CREATE | MDB_DUPSORT | MDB_DUPFIXED,
				  &store->index);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &store->meta);
	if (rc == 0) {
		MDB_val name = { sizeof META_NEXT_ROW - 1, (void *)(uintptr_t)META_NEXT_ROW };

		rc = mdb_get(txn, store->meta, &name, &value);
	}
	store->next_row = 1;
	if (rc == 0 && value.mv_size == sizeof store->next_row)
		memcpy(&store->next_row, value.mv_data, sizeof store->next_row);
	if (rc != 0 && rc != MDB_NOTFOUND) {
		mdb_txn_abort(txn);
		return store_error(rc);
	}
	return store_error(mdb_txn_commit(txn));
}

static enum vault_err
open_env(struct store *store, const struct store_config *config)
{
	int rc, fd, stale;

	rc = mdb_env_create(&store->env);
	if (rc == 0)
		rc = mdb_env_set_mapsize(store->env, config->map_size);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(store->env, STORE_TABLES);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(store->env, config->max_readers);
	/*
	 * Default flags: a commit that returned is on disk. NOTLS: read transactions belong to
	 * objects, not threads.
	 */
	if (rc == 0)
		rc = mdb_env_open(store->env, config->path, MDB_NOTLS, 0600);
	if (rc == 0)
		rc = mdb_env_get_fd(store->env, &fd);
	if (rc == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		rc = errno;
	if (rc == 0)
		rc = mdb_reader_check(store->env, &stale);
	return store_error(rc);
}

enum vault_err
store_open(const struct store_config *config, struct store **out)
{
	struct store *store = calloc(1, sizeof *store);
	enum vault_err err;

	if (store == NULL)
		return VAULT_BUSY;
	err = open_env(store, config);
	if (err == VAULT_OK)
		err = open_tables(store);
	if (err != VAULT_OK) {
		store_close(store);
		return err;
	}
	*out = store;
	return VAULT_OK;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->env != NULL)
		mdb_env_close(store->env);
	free(store);
}

enum vault_err
store_copy(struct store *store, const char *path)
{
	return store_error(mdb_env_copy2(store->env, path, MDB_CP_COMPACT));
}

enum vault_err
store_free_space(struct store *store, uint64_t *bytes)
{
	struct statvfs fs;
	int fd;

	if (mdb_env_get_fd(store->env, &fd) != 0 || fstatvfs(fd, &fs) != 0)
		return VAULT_INTERNAL;
	*bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return VAULT_OK;
}
