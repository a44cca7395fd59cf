#include "tests/unit/lib/keys.h"

#include <stdlib.h>

#include "vaultd/crypto/init.h"

#define ARENA_BYTES (4u << 20)
#define MAP_BYTES (64u << 20)

static const uint8_t store_id[STORE_ID_BYTES] = "store under test";

int
test_keys_setup(void **state)
{
	struct test_keys *t = calloc(1, sizeof *t);
	struct store_config config = { NULL, MAP_BYTES, 8 };
	SECRET_LOCAL(root);

	assert_non_null(t);
	directory_make(t->dir);
	config.path = t->dir;
	assert_ok(crypto_init());
	assert_ok(arena_open(ARENA_BYTES, false, &t->arena));
	assert_ok(store_open(&config, &t->store));
	assert_ok(txn_write(t->store, &t->txn));
	change_start(&t->change, t->txn);
	assert_ok(secret_random(t->arena, ROOT_KEY_BYTES, &root));
	assert_ok(keyring_derive(&t->keyring, &root, 1));
	assert_ok(keyring_create(&t->keyring, t->txn, store_id));
	*state = t;
	return 0;
}

int
test_keys_teardown(void **state)
{
	struct test_keys *t = *state;

	keyring_free(&t->keyring);
	txn_abort(t->txn);
	store_close(t->store);
	assert_int_equal(arena_used(t->arena), 0);
	arena_close(t->arena);
	directory_remove(t->dir);
	free(t);
	return 0;
}
