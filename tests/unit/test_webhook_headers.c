/*
 * The headers of webhook messages: what is written reads back, and what strangers may write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "protocol/value.h"
#include "vaultd/core/webhook_headers.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)

struct desk {
	struct scratch scratch;
	struct buf work;
	struct buf map;
	struct op op;
};

static int
setup(void **state)
{
	static struct desk desk;

	memset(&desk, 0, sizeof desk);
	if (scratch_init(&desk.scratch, 65536, 0) != VAULT_OK)
		return -1;
	desk.op.scratch = &desk.scratch;
	desk.op.work = &desk.work;
	*state = &desk;
	return 0;
}

static int
teardown(void **state)
{
	struct desk *desk = *state;

	scratch_free(&desk->scratch);
	buf_free(&desk->work);
	buf_free(&desk->map);
	return 0;
}

/* Names and values by turns, up to NULL. */
static struct vault_map
map_of(struct desk *desk, const char *const *entries)
{
	struct codec_writer writer = { .out = &desk->map };
	size_t n = 0;

	while (entries[n] != NULL)
		n++;
	buf_truncate(&desk->map, 0);
	value_map(&writer, n / 2);
	for (size_t i = 0; i < n; i++)
		value_text(&writer, text_of(entries[i]));
	assert_false(writer.failed);
	return (struct vault_map){ buf_data(&desk->map), buf_len(&desk->map) };
}

static bool
well_formed(struct desk *desk, enum webhook_scheme scheme, const char *const *entries,
	    struct webhook_claim *claim)
{
	bool good = false;

	assert_ok(webhook_headers_read(&desk->op, scheme, map_of(desk, entries), claim, &good));
	return good;
}

/* A claim with as many signatures of that length as there may be. */
static struct webhook_claim
full_claim(size_t n, size_t len)
{
	struct webhook_claim claim = { .time = 1614265330, .n = n };

	for (size_t i = 0; i < n; i++) {
		claim.signatures[i].len = len;
		for (size_t j = 0; j < len; j++)
			claim.signatures[i].bytes[j] = (uint8_t)(i * 31 + j * 7);
	}
	return claim;
}

static void
round_trip(struct desk *desk, enum webhook_scheme scheme, const struct webhook_claim *claim)
{
	struct webhook_claim again;
	struct vault_map headers;
	bool good = false;

	assert_ok(webhook_headers_write(&desk->op, scheme, claim, &headers));
	assert_ok(webhook_headers_read(&desk->op, scheme, headers, &again, &good));
	assert_true(good);
	assert_int_equal(again.n, claim->n);
	assert_true(text_equal(again.id, claim->id));
	assert_true(text_equal(again.timestamp, claim->timestamp));
	for (size_t i = 0; i < claim->n; i++) {
		assert_int_equal(again.signatures[i].len, claim->signatures[i].len);
		assert_memory_equal(again.signatures[i].bytes, claim->signatures[i].bytes,
				    claim->signatures[i].len);
	}
}

static void
test_round_trips(void **state)
{
	for (size_t n = 1; n <= WEBHOOK_SIGNATURES_MAX; n++) {
		struct webhook_claim hmac = full_claim(n, 32), ed25519 = full_claim(n, 64);
		struct webhook_claim bare = full_claim(1, 32);

		hmac.timestamp = ed25519.timestamp = TEXT_LITERAL("253402300799");
		round_trip(*state, webhook_scheme_stripe, &hmac);
		hmac.id = ed25519.id = TEXT_LITERAL("msg_1");
		round_trip(*state, webhook_scheme_standard, &hmac);
		round_trip(*state, webhook_scheme_standard, &ed25519);
		round_trip(*state, webhook_scheme_github, &bare);
	}
}

static void
test_names_and_lists(void **state)
{
	static const char v1[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
	const char *const plain[] = { "WebHook-ID", "m",   "webhook-timestamp", "5",
				      "other",	    "any", "WEBHOOK-SIGNATURE", v1,
				      NULL };
	const char *const twice[] = {
		"webhook-id",	     "m", "Webhook-Id", "m", "webhook-timestamp", "5",
		"webhook-signature", v1,  NULL
	};
	const char *const no_time[] = { "webhook-id", "m", "webhook-signature", v1, NULL };
	struct webhook_claim claim;

	assert_true(well_formed(*state, webhook_scheme_standard, plain, &claim));
	assert_int_equal(claim.n, 1);
	assert_int_equal(claim.time, 5);
	assert_false(well_formed(*state, webhook_scheme_standard, twice, &claim));
	assert_false(well_formed(*state, webhook_scheme_standard, no_time, &claim));
	assert_false(well_formed(*state, webhook_scheme_github, plain, &claim));
}

/* Every cut of a map, and every byte changed: an answer, whatever it is, and no read beyond it. */
static void
test_damage(void **state)
{
	struct desk *desk = *state;
	struct webhook_claim claim = full_claim(2, 32), read;
	struct vault_map headers;
	uint8_t copy[512];
	bool good;

	claim.id = TEXT_LITERAL("m");
	claim.timestamp = TEXT_LITERAL("5");
	assert_ok(webhook_headers_write(&desk->op, webhook_scheme_standard, &claim, &headers));
	assert_true(headers.len <= sizeof copy);
	for (size_t n = 0; n < headers.len; n++) {
		memcpy(copy, headers.p, n);
		assert_int_equal(webhook_headers_read(&desk->op, webhook_scheme_standard,
						      (struct vault_map){ copy, n }, &read, &good),
				 VAULT_INVALID_PARAMS);
	}
	for (size_t i = 0; i < headers.len; i++) {
		memcpy(copy, headers.p, headers.len);
		copy[i] ^= 0x10;
		(void)!webhook_headers_read(&desk->op, webhook_scheme_standard,
					    (struct vault_map){ copy, headers.len }, &read, &good);
	}
}

static void
test_ids(void **state)
{
	static const char *const bad[] = { "", ".", "a.b", "a b", "a\n", "a\x7f", "\xc3\xbc" };

	(void)state;
	assert_true(webhook_id(TEXT_LITERAL("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W")));
	assert_true(webhook_id(TEXT_LITERAL("!~")));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(webhook_id(text_of(bad[i])));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_names_and_lists),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests_name("webhook_headers", tests, setup, teardown);
}
