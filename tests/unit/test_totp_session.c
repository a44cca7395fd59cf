/*
 * What a one-time code does to its connection's session, and what of it must be durable first.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/lib/vault.h"
#include "vaultd/crypto/totp.h"

#define STEP_REST 3 /* seconds that a step must still last, for what a test does in it */

/* The inverse of what the URI is made with. */
static void
base32_decode(const char *text, uint8_t secret[static TOTP_SECRET_BYTES])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

	for (unsigned bit = 0; bit < 8 * TOTP_SECRET_BYTES; bit++) {
		const char *digit = strchr(alphabet, text[bit / 5]);

		assert_non_null(digit);
		secret[bit / 8] =
			(uint8_t)(secret[bit / 8] << 1 | ((digit - alphabet) >> (4 - bit % 5) & 1));
	}
}

static void
enroll(struct test_vault *t, uint8_t secret[static TOTP_SECRET_BYTES], char *recovery)
{
	struct totp_enroll_req req = { .principal = TEXT_LITERAL("uid:0") };
	struct totp_enroll_res res;
	const char *at;

	test_vault_do(t, OP_totp_enroll, &req, &res);
	at = memmem(res.uri.p, res.uri.len, "?secret=", 8);
	assert_non_null(at);
	base32_decode(at + 8, secret);
	assert_int_equal(res.recovery.n, TOTP_RECOVERY_CODES);
	if (recovery != NULL)
		memcpy(recovery, res.recovery.v[0].p, TOTP_RECOVERY_DIGITS);
}

/* The step that it is now, with time left in it. */
static uint64_t
step_now(void)
{
	time_t now = time(NULL);

	while (now % TOTP_STEP_SECONDS > TOTP_STEP_SECONDS - STEP_REST) {
		usleep(200000);
		now = time(NULL);
	}
	return (uint64_t)now / TOTP_STEP_SECONDS;
}

static enum vault_err
give(struct test_vault *t, const uint8_t secret[static TOTP_SECRET_BYTES], uint64_t step)
{
	char code[TOTP_DIGITS_MAX];
	struct auth_totp_req req = { .code = { code, TOTP_DIGITS } };

	assert_ok(totp_code((struct vault_bytes){ secret, TOTP_SECRET_BYTES }, step, TOTP_DIGITS,
			    code));
	return test_vault_ask(t, OP_auth_totp, &req, NULL);
}

static int
setup(void **state)
{
	struct test_vault *t;

	test_vault_setup(state);
	t = *state;
	t->session = session_new(&test_root);
	return t->session == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct test_vault *t = *state;

	session_release(t->session);
	t->session = NULL;
	return test_vault_teardown(state);
}

static void
test_a_code_counts_for_15_minutes(void **state)
{
	uint8_t secret[TOTP_SECRET_BYTES];
	struct test_vault *t = *state;
	int64_t before = clock_read().boot_ms;
	uint64_t step;

	enroll(t, secret, NULL);
	step = step_now();
	assert_int_equal(t->session->mfa_until_ms, 0);
	assert_int_equal(give(t, secret, step - 3), VAULT_DENIED);
	assert_int_equal(t->session->mfa_until_ms, 0);
	assert_ok(give(t, secret, step));
	assert_in_range(t->session->mfa_until_ms, before + SESSION_MFA_MS,
			clock_read().boot_ms + SESSION_MFA_MS);
	/* A wrong one takes nothing back. */
	assert_int_equal(give(t, secret, step), VAULT_DENIED);
	assert_true(t->session->mfa_until_ms > before);
}

/* A step that counted stays used when the process ends; so does a recovery code. */
static void
test_used_codes_are_durable(void **state)
{
	char recovery[TOTP_RECOVERY_DIGITS];
	struct auth_totp_req req = { .code = { recovery, sizeof recovery } };
	uint8_t secret[TOTP_SECRET_BYTES];
	struct test_vault *t = *state;
	uint64_t step;

	enroll(t, secret, recovery);
	step = step_now();
	assert_ok(give(t, secret, step));
	assert_ok(test_vault_ask(t, OP_auth_totp, &req, NULL));
	test_vault_restart(t);
	test_vault_unseal(t);
	assert_int_equal(give(t, secret, step - 1), VAULT_DENIED);
	assert_int_equal(give(t, secret, step), VAULT_DENIED);
	assert_int_equal(test_vault_ask(t, OP_auth_totp, &req, NULL), VAULT_DENIED);
	assert_ok(give(t, secret, step + 1));
}

static void
lose_the_audit(const struct test_vault *t)
{
	char path[DIRECTORY_MAX + 300];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "%s/audit", t->dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof path, "%s/audit/%s", t->dir, entry->d_name);
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "epoch.key") != 0)
			assert_int_equal(unlink(path), 0);
	}
	closedir(dir);
}

/* A code whose use could not be recorded gave nothing, and is not used up. */
static void
test_a_failed_commit_gives_nothing(void **state)
{
	uint8_t secret[TOTP_SECRET_BYTES];
	struct test_vault *t = *state;
	enum vault_err err;
	uint64_t step;

	enroll(t, secret, NULL);
	step = step_now();
	lose_the_audit(t);
	err = give(t, secret, step);
	assert_int_equal(err, VAULT_AUDIT_UNAVAILABLE);
	assert_int_equal(t->session->mfa_until_ms, 0);
	assert_ok(give(t, secret, step));
	assert_true(t->session->mfa_until_ms > 0);
}

/* A connection that somebody else made is another session. */
static void
test_another_connection_has_nothing(void **state)
{
	uint8_t secret[TOTP_SECRET_BYTES];
	struct test_vault *t = *state;
	struct session *first = t->session;

	enroll(t, secret, NULL);
	t->session = session_new(&test_root);
	assert_non_null(t->session);
	assert_ok(give(t, secret, step_now()));
	assert_true(t->session->mfa_until_ms > 0);
	assert_int_equal(first->mfa_until_ms, 0);
	session_release(first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_code_counts_for_15_minutes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_used_codes_are_durable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_failed_commit_gives_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_another_connection_has_nothing, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
