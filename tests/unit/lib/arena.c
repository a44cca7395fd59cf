#include "tests/unit/lib/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vaultd/base/secret.h"
#include "vaultd/crypto/init.h"

#define ARENA_BYTES (1 << 20)

int
arena_setup(void **state)
{
	struct arena *arena;

	if (crypto_init() != VAULT_OK || arena_open(ARENA_BYTES, false, &arena) != VAULT_OK)
		return -1;
	*state = arena;
	return 0;
}

int
arena_teardown(void **state)
{
	assert_int_equal(arena_used(*state), 0);
	arena_close(*state);
	return 0;
}
