/*
 * A store with a root key and what hangs from it, for tests of sealed rows, slots and policy.
 */
#ifndef TEST_KEYS_H
#define TEST_KEYS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "tests/unit/lib/directory.h"
#include "vaultd/core/slots.h"
#include "vaultd/core/vault.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)

struct test_keys {
	char dir[DIRECTORY_MAX];
	struct arena *arena;
	struct store *store;
	struct txn *txn; /* a write transaction, open throughout */
	struct change change;
	struct keyring keyring;
};

/* As a cmocka setup and teardown: a new keyring in an empty store. */
int test_keys_setup(void **state);
int test_keys_teardown(void **state);

static inline struct vault_bytes
test_bytes(const char *text)
{
	return (struct vault_bytes){ (const uint8_t *)text, strlen(text) };
}

#endif
