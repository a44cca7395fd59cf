/*
 * The metrics' text: every line of it, its escapes, and sums over threads that come and go.
 */
#include "vaultd/core/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/lib/vault.h"

static char *
text_of_metrics(struct test_vault *t, struct buf *out)
{
	buf_truncate(out, 0);
	assert_ok(metrics_write(&t->vault, 61999, out));
	assert_ok(buf_append(out, "", 1));
	return (char *)buf_data(out);
}

static void
assert_line(const char *text, const char *line)
{
	char whole[512];

	snprintf(whole, sizeof whole, "\n%s\n", line);
	if (strstr(text, whole) == NULL)
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void
test_state(void **state)
{
	struct test_vault *t = *state;
	struct buf out = { 0 };
	char *text;

	text = text_of_metrics(t, &out);
	assert_memory_equal(text, "# HELP vaultd_build_info ", 25);
	assert_line(text, "vaultd_build_info{version=\"test\"} 1");
	assert_line(text, "# TYPE vaultd_uptime_seconds gauge");
	assert_line(text, "vaultd_uptime_seconds 61");
	assert_line(text, "vaultd_sealed 0");
	assert_line(text, "vaultd_tenants 0");
	assert_line(text, "vaultd_audit_healthy 1");
	test_vault_restart(t);
	text = text_of_metrics(t, &out);
	assert_line(text, "vaultd_sealed 1");
	assert_null(strstr(text, "vaultd_tenants"));
	assert_null(strstr(text, "vaultd_audit_sequence"));
	buf_free(&out);
}

static void
test_labels_are_escaped(void **state)
{
	struct test_vault *t = *state;
	struct buf out = { 0 };

	t->vault.settings.version = "a\\b\"c\nd";
	assert_line(text_of_metrics(t, &out), "vaultd_build_info{version=\"a\\\\b\\\"c\\nd\"} 1");
	buf_free(&out);
}

static void
test_requests(void **state)
{
	struct test_vault *t = *state;
	struct metrics_thread *other = calloc(1, sizeof *other);
	struct key_get_req get = { TEXT_LITERAL("acme"), TEXT_LITERAL("k") };
	struct buf out = { 0 };
	char *text;

	assert_non_null(other);
	test_vault_acme(t, key_algorithm_HS256);
	for (int i = 0; i < 3; i++)
		assert_ok(test_vault_ask(t, OP_key_get, &get, NULL));
	assert_int_equal(test_vault_call(t, &test_stranger, OP_key_get, &get), VAULT_DENIED);
	text = text_of_metrics(t, &out);
	assert_line(text, "vaultd_requests_total{method=\"key.get\",code=\"ok\"} 3");
	assert_line(text, "vaultd_requests_total{method=\"key.get\",code=\"denied\"} 1");
	assert_line(text, "vaultd_refusals_total{code=\"denied\"} 1");
	assert_line(text, "vaultd_refusals_total{code=\"limited\"} 0");
	/* Counted once, where it ended. */
	assert_line(text, "vaultd_requests_total{method=\"key.create\",code=\"ok\"} 1");
	assert_null(strstr(text, "key.rotate"));
	/* Other threads' counts are added, and stay when the thread has gone. */
	metrics_add(&t->vault.metrics, other);
	metrics_count(&other->requests[OP_key_get][VAULT_OK], 39);
	metrics_count(&other->requests[METRICS_OTHER][VAULT_PARSE], 1);
	text = text_of_metrics(t, &out);
	assert_line(text, "vaultd_requests_total{method=\"key.get\",code=\"ok\"} 42");
	assert_line(text, "vaultd_requests_total{method=\"other\",code=\"parse\"} 1");
	metrics_remove(&t->vault.metrics, other);
	metrics_remove(&t->vault.metrics, other);
	free(other);
	text = text_of_metrics(t, &out);
	assert_line(text, "vaultd_requests_total{method=\"key.get\",code=\"ok\"} 42");
	buf_free(&out);
}

static void
test_group_sizes(void **state)
{
	struct test_vault *t = *state;
	struct buf out = { 0 };
	char *text;

	memset(t->vault.metrics.groups, 0, sizeof t->vault.metrics.groups);
	atomic_store(&t->vault.metrics.grouped, 0);
	metrics_group(&t->vault.metrics, 1);
	metrics_group(&t->vault.metrics, 2);
	metrics_group(&t->vault.metrics, 3);
	metrics_group(&t->vault.metrics, 256);
	metrics_group(&t->vault.metrics, 257);
	text = text_of_metrics(t, &out);
	assert_line(text, "# TYPE vaultd_commit_group_size histogram");
	assert_line(text, "vaultd_commit_group_size_bucket{le=\"1\"} 1");
	assert_line(text, "vaultd_commit_group_size_bucket{le=\"2\"} 2");
	assert_line(text, "vaultd_commit_group_size_bucket{le=\"4\"} 3");
	assert_line(text, "vaultd_commit_group_size_bucket{le=\"128\"} 3");
	assert_line(text, "vaultd_commit_group_size_bucket{le=\"256\"} 4");
	assert_line(text, "vaultd_commit_group_size_bucket{le=\"+Inf\"} 5");
	assert_line(text, "vaultd_commit_group_size_sum 519");
	assert_line(text, "vaultd_commit_group_size_count 5");
	buf_free(&out);
}

/* Of what the caches hold, told as it is. */
static void
test_caches(void **state)
{
	struct test_vault *t = *state;
	struct buf out = { 0 };

	assert_line(text_of_metrics(t, &out), "vaultd_cache_entries 0");
	test_vault_acme(t, key_algorithm_HS256);
	assert_ok(test_vault_ask(t, OP_token_sign,
				 &(struct token_sign_req){ .tenant = TEXT_LITERAL("acme"),
							   .profile = TEXT_LITERAL("p"),
							   .subject = TEXT_LITERAL("s") },
				 NULL));
	assert_null(strstr(text_of_metrics(t, &out), "\nvaultd_cache_entries 0\n"));
	runner_forget(&t->runner);
	lanes_drain(&t->lanes);
	lanes_forget(&t->lanes);
	assert_line(text_of_metrics(t, &out), "vaultd_cache_entries 0");
	assert_line(text_of_metrics(t, &out), "vaultd_cache_evictions_total 0");
	buf_free(&out);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_vault_setup, test_vault_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_state),    TEST(test_labels_are_escaped),
		TEST(test_requests), TEST(test_group_sizes),
		TEST(test_caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
