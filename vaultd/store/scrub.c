#include "vaultd/store/scrub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vaultd/store/lmdb.h"

#define FILLER_TABLE "scrub"
#define PAGE_MAX 65536	   /* bytes of a page; LMDB takes the system's, up to 32 KiB */
#define PAGE_HEAD 16	   /* of them LMDB's own */
#define FILL_PAGES 4096	   /* more than a group of changes or a turn of a sweep writes */
#define TAKE_PAGES 1024	   /* of a step */
#define DROP_PAGES 1024	   /* likewise */
#define TOUCH_ENTRIES 4096 /* likewise */
#define TOUCH_BYTES (1u << 20)
#define ROUNDS_MAX (1u << 22) /* of taking pages: 16 TiB */
#define LONGEST_KEY 511	      /* LMDB's own bound */

struct filler {
	uint64_t first;
	unsigned n;
};

/*
 * How many pages may be taken now, whether any is left at all, and whether a reader's snapshot is
 * what holds it.
 */
struct free_pages {
	size_t ready;
	bool left;
	bool held;
};

static int
note_reader(const char *line, void *arg)
{
	const char *column = strrchr(line, ' ');
	size_t *oldest = arg, txn;
	char *end;

	/* "pid thread txn" of each reader; "-" for one that holds no snapshot, and a heading. */
	if (column == NULL || column[1] < '0' || column[1] > '9')
		return 0;
	txn = strtoull(column + 1, &end, 10);
	if (*end == '\n' && txn < *oldest)
		*oldest = txn;
	return 0;
}

/* The oldest snapshot in use, or the newest there is. */
static int
oldest_snapshot(struct store *store, size_t *oldest, bool *held)
{
	MDB_envinfo info;
	int rc = mdb_env_info(store->env, &info);

	*oldest = info.me_last_txnid;
	if (rc == 0 && mdb_reader_list(store->env, note_reader, oldest) < 0)
		rc = EIO;
	*held = *oldest < info.me_last_txnid;
	return rc;
}

/* The free list: by transaction, the pages that it freed, the first word being their count. */
static int
count_free(MDB_cursor *cursor, size_t oldest, size_t upto, struct free_pages *pages)
{
	MDB_val k, v;
	int rc;

	while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		size_t txn, n;

		if (k.mv_size != sizeof txn || v.mv_size < sizeof n)
			return MDB_CORRUPTED;
		memcpy(&txn, k.mv_data, sizeof txn);
		memcpy(&n, v.mv_data, sizeof n);
		if (txn > upto)
			break;
		pages->left = true;
		if (txn < oldest)
			pages->ready += n;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
look_free(struct store *store, size_t upto, struct free_pages *pages)
{
	MDB_cursor *cursor;
	size_t oldest = 0;
	MDB_txn *txn;
	int rc;

	*pages = (struct free_pages){ 0 };
	rc = oldest_snapshot(store, &oldest, &pages->held);
	if (rc == 0)
		rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return rc;
	/* Table 0 is the free list; a reader may look at it. */
	rc = mdb_cursor_open(txn, 0, &cursor);
	if (rc == 0) {
		rc = count_free(cursor, oldest, upto, pages);
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return rc;
}

/* What a step does within its transaction. */
typedef int (*step_body)(struct store *store, MDB_txn *txn, void *arg);

static enum vault_err
in_txn(struct store *store, step_body body, void *arg)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

	if (rc != 0)
		return store_error(rc);
	if (!store->filler_open)
		rc = mdb_dbi_open(txn, FILLER_TABLE, MDB_CREATE | MDB_INTEGERKEY, &store->filler);
	if (rc == 0)
		rc = body(store, txn, arg);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return store_error(rc);
	}
	if (mdb_txn_commit(txn) != 0)
		return VAULT_INTERNAL;
	store->filler_open = true;
	return VAULT_OK;
}

static int
put_filler(struct store *store, MDB_txn *txn, void *arg)
{
	static const uint8_t zeros[PAGE_MAX];
	const struct filler *filler = arg;
	MDB_stat stat;
	int rc = mdb_env_stat(store->env, &stat);

	for (unsigned i = 0; i < filler->n && rc == 0; i++) {
		uint64_t key = filler->first + i;
		MDB_val k = { sizeof key, &key };
		MDB_val v = { stat.ms_psize - PAGE_HEAD, (void *)(uintptr_t)zeros };

		rc = mdb_put(txn, store->filler, &k, &v, MDB_APPEND);
	}
	return rc;
}

static enum vault_err
fill(struct store *store, struct scrub *scrub, unsigned pages)
{
	struct filler filler = { scrub->filler, pages };

	TRY(in_txn(store, put_filler, &filler));
	scrub->filler += pages;
	return VAULT_OK;
}

/* Deletes some of it; *arg: whether there was any. */
static int
drop_filler(struct store *store, MDB_txn *txn, void *arg)
{
	bool *any = arg;
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, store->filler, &cursor);

	*any = false;
	if (rc != 0)
		return rc;
	for (unsigned i = 0; i < DROP_PAGES && rc == 0; i++) {
		rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
		if (rc == 0)
			rc = mdb_cursor_del(cursor, 0);
		*any |= rc == 0;
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum vault_err
drop(struct store *store, struct scrub *scrub, enum scrub_phase next)
{
	bool any = false;

	TRY(in_txn(store, drop_filler, &any));
	if (!any) {
		scrub->phase = next;
		scrub->filler = 1;
	}
	return VAULT_OK;
}

/* A walk that puts each entry as it stands. */
struct touch {
	struct scrub *scrub;
	MDB_dbi table;
	bool dups;
	bool ended;
	size_t bytes; /* of what was put */
	uint8_t *copy;
	size_t room;
};

static int
seek(const struct touch *touch, MDB_cursor *cursor, MDB_val *k, MDB_val *v)
{
	struct scrub *scrub = touch->scrub;

	if (!scrub->at)
		return mdb_cursor_get(cursor, k, v, MDB_FIRST);
	/* Behind the last one, which may be gone by now. */
	*k = (MDB_val){ scrub->place_len, scrub->place };
	if (touch->dups) {
		*v = (MDB_val){ sizeof scrub->dup, scrub->dup };
		if (mdb_cursor_get(cursor, k, v, MDB_GET_BOTH_RANGE) == 0)
			return memcmp(v->mv_data, scrub->dup, sizeof scrub->dup) == 0
				       ? mdb_cursor_get(cursor, k, v, MDB_NEXT)
				       : mdb_cursor_get(cursor, k, v, MDB_GET_CURRENT);
		*k = (MDB_val){ scrub->place_len, scrub->place };
	}
	if (mdb_cursor_get(cursor, k, v, MDB_SET_RANGE) != 0)
		return MDB_NOTFOUND;
	if (k->mv_size != scrub->place_len || memcmp(k->mv_data, scrub->place, k->mv_size) != 0)
		return 0;
	return mdb_cursor_get(cursor, k, v, touch->dups ? MDB_NEXT_NODUP : MDB_NEXT);
}

static int
put_again(struct touch *touch, MDB_cursor *cursor, const MDB_val *k, const MDB_val *v)
{
	uint8_t key[LONGEST_KEY];
	MDB_val same_key = { k->mv_size, key }, same = { v->mv_size, NULL };

	if (k->mv_size > sizeof key)
		return MDB_CORRUPTED;
	if (v->mv_size > touch->room) {
		uint8_t *more = realloc(touch->copy, v->mv_size);

		if (more == NULL)
			return ENOMEM;
		touch->copy = more;
		touch->room = v->mv_size;
	}
	/* A copy: the page that it stands in may be given back as the entry is put. */
	memcpy(key, k->mv_data, k->mv_size);
	memcpy(touch->copy, v->mv_data, v->mv_size);
	same.mv_data = touch->copy;
	touch->bytes += v->mv_size;
	return mdb_cursor_put(cursor, &same_key, &same, MDB_CURRENT);
}

static int
remember(struct touch *touch, const MDB_val *k, const MDB_val *v)
{
	struct scrub *scrub = touch->scrub;

	if (k->mv_size > sizeof scrub->place || (touch->dups && v->mv_size != sizeof scrub->dup))
		return MDB_CORRUPTED;
	scrub->at = true;
	scrub->place_len = k->mv_size;
	memcpy(scrub->place, k->mv_data, k->mv_size);
	if (touch->dups)
		memcpy(scrub->dup, v->mv_data, v->mv_size);
	return 0;
}

static int
touch_some(struct store *store, MDB_txn *txn, void *arg)
{
	struct touch *touch = arg;
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, touch->table, &cursor);

	(void)store;
	if (rc != 0)
		return rc;
	rc = seek(touch, cursor, &k, &v);
	for (unsigned i = 1; rc == 0; i++) {
		bool last = i == TOUCH_ENTRIES || touch->bytes > TOUCH_BYTES;

		/* Names of meta are longer than a place; there are few, so they go in one step. */
		if (last && touch->table != store->meta) {
			rc = remember(touch, &k, &v);
			if (rc == 0)
				rc = put_again(touch, cursor, &k, &v);
			break;
		}
		rc = put_again(touch, cursor, &k, &v);
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	touch->ended = rc == MDB_NOTFOUND;
	mdb_cursor_close(cursor);
	return touch->ended ? 0 : rc;
}

static enum vault_err
touch_table(struct store *store, struct scrub *scrub, MDB_dbi table)
{
	struct touch touch = { .scrub = scrub, .table = table, .dups = table == store->index };
	enum vault_err err = in_txn(store, touch_some, &touch);

	free(touch.copy);
	if (err != VAULT_OK || !touch.ended)
		return err;
	scrub->phase++;
	scrub->at = false;
	return VAULT_OK;
}

/* From here on every page that is free is to be taken once. */
static enum vault_err
begin_taking(struct store *store, struct scrub *scrub)
{
	MDB_envinfo info;
	int rc = mdb_env_info(store->env, &info);

	scrub->upto = info.me_last_txnid;
	scrub->rounds = 0;
	return store_error(rc);
}

static enum vault_err
take(struct store *store, struct scrub *scrub)
{
	struct free_pages pages;
	int rc = look_free(store, scrub->upto, &pages);

	if (rc != 0)
		return store_error(rc);
	if (!pages.left || ++scrub->rounds > ROUNDS_MAX) {
		scrub->phase = SCRUB_DROP;
		return VAULT_OK;
	}
	if (pages.ready == 0 && pages.held)
		return VAULT_BUSY;
	/* What the last two transactions freed may be taken once there was another. */
	if (pages.ready == 0)
		pages.ready = 1;
	return fill(store, scrub, pages.ready < TAKE_PAGES ? (unsigned)pages.ready : TAKE_PAGES);
}

static enum vault_err
step(struct store *store, struct scrub *scrub)
{
	switch (scrub->phase) {
	case SCRUB_IDLE:
		*scrub = (struct scrub){ .phase = SCRUB_EMPTY };
		return VAULT_OK;
	case SCRUB_EMPTY:
		return drop(store, scrub, SCRUB_FILL);
	case SCRUB_FILL:
		TRY(fill(store, scrub, FILL_PAGES));
		scrub->phase = SCRUB_TOUCH_ROWS;
		return VAULT_OK;
	case SCRUB_TOUCH_ROWS:
		return touch_table(store, scrub, store->rows);
	case SCRUB_TOUCH_INDEX:
		return touch_table(store, scrub, store->index);
	case SCRUB_TOUCH_META:
		TRY(touch_table(store, scrub, store->meta));
		return begin_taking(store, scrub);
	case SCRUB_TAKE:
		return take(store, scrub);
	case SCRUB_DROP:
		return drop(store, scrub, SCRUB_IDLE);
	}
	return VAULT_INTERNAL;
}

enum vault_err
store_scrub(struct store *store, struct scrub *scrub, bool *done)
{
	bool begun = scrub->phase != SCRUB_IDLE;

	*done = false;
	TRY(step(store, scrub));
	*done = begun && scrub->phase == SCRUB_IDLE;
	return VAULT_OK;
}
