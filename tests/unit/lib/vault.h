/*
 * A vault for a test: its store, its audit and its arena in a directory of its own, the daemon's
 * own lanes, and requests that go through dispatch as a connection's would.
 */
#ifndef TEST_VAULT_H
#define TEST_VAULT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/codec.h"
#include "protocol/frame.h"
#include "protocol/text.h"
#include "protocol/value.h"
#include "tests/unit/lib/directory.h"
#include "vaultd/lanes/lanes.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)

struct test_vault {
	char dir[DIRECTORY_MAX];
	int fd; /* of the directory */
	struct arena *arena;
	struct vault vault;
	struct lanes lanes;
	struct runner runner;	 /* a worker's */
	struct buf reply;	 /* of the last request */
	struct scratch scratch;	 /* what the last reply was read into */
	struct session *session; /* whose requests are sent; NULL: a new one for each */
};

/*
 * Opens all of it, with a store that is not initialised; and the same as a cmocka setup,
 * initialised, and teardown.
 */
struct test_vault *test_vault_new(void);
void test_vault_free(struct test_vault *t);
int test_vault_setup(void **state);
int test_vault_teardown(void **state);

/* Ends the daemon in good order and starts it again, sealed. */
void test_vault_restart(struct test_vault *t);
void test_vault_init(struct test_vault *t);
void test_vault_unseal(struct test_vault *t);

/* Runs the bytes of one message as the caller; the whole reply stands in t->reply. */
enum verdict test_vault_send(struct test_vault *t, const struct identity *who,
			     struct vault_bytes frame);
/* Sends a request; its result is VAULT_OK, or the error that was answered. */
enum vault_err test_vault_call(struct test_vault *t, const struct identity *who, enum op_id id,
			       const void *req);
/*
 * The same as root on admin.sock, the result read into res (which may be NULL) and valid until the
 * next call.
 */
enum vault_err test_vault_ask(struct test_vault *t, enum op_id id, const void *req, void *res);
/* As test_vault_ask, and it must go well. */
void test_vault_do(struct test_vault *t, enum op_id id, const void *req, void *res);

/* A tenant "acme" with a key "k" of the algorithm and a profile "p" on it. */
void test_vault_acme(struct test_vault *t, enum key_algorithm algorithm);

extern const struct identity test_root, test_stranger;

#endif
