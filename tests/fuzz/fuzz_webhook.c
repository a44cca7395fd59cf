/*
 * Headers of a webhook message, which strangers write. Input: one byte chooses the scheme, a map
 * follows. What was read must be written and read again as the same claim.
 */
#include "protocol/text.h"
#include "protocol/value.h"
#include "tests/fuzz/seeds.h"
#include "vaultd/core/webhook_headers.h"

#define V1 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define HEX "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"

static struct scratch scratch;
static struct buf work;

static const char *const seeds[][7] = {
	{ "webhook-id", "msg_1", "webhook-timestamp", "1614265330", "webhook-signature",
	  "v2,x " V1 " " V1, NULL },
	{ "X-Hub-Signature-256", "sha256=" HEX, NULL },
	{ "Stripe-Signature", "t=1614265330,v0=" HEX ",v1=" HEX ",v1=" HEX, NULL },
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = seeds_directory(*argc, *argv);

	FUZZ_CHECK(scratch_init(&scratch, 65536, 1 << 20) == VAULT_OK);
	for (unsigned i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
		struct buf out = { 0 };
		struct codec_writer writer = { .out = &out };
		uint8_t scheme = (uint8_t)i;
		size_t n = 0;

		while (seeds[i][n] != NULL)
			n++;
		FUZZ_CHECK(buf_append(&out, &scheme, 1) == VAULT_OK);
		value_map(&writer, n / 2);
		for (size_t j = 0; j < n; j++)
			value_text(&writer, text_of(seeds[i][j]));
		seed_write(directory, i, &out);
		buf_free(&out);
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct op op = { .scratch = &scratch, .work = &work };
	struct webhook_claim claim, again;
	enum webhook_scheme scheme;
	struct vault_map headers;
	enum vault_err err;
	bool good = false;

	if (size == 0)
		return 0;
	scheme = (enum webhook_scheme)(1 + data[0] % (webhook_scheme_count - 1));
	headers = (struct vault_map){ data + 1, size - 1 };
	scratch_reset(&scratch, false);
	err = webhook_headers_read(&op, scheme, headers, &claim, &good);
	FUZZ_CHECK(err == VAULT_OK || err == VAULT_INVALID_PARAMS);
	if (err != VAULT_OK || !good || claim.n == 0)
		return 0;
	FUZZ_CHECK(claim.n <= WEBHOOK_SIGNATURES_MAX && claim.time >= 0 && claim.time <= TIME_MAX);
	FUZZ_CHECK(webhook_headers_write(&op, scheme, &claim, &headers) == VAULT_OK);
	FUZZ_CHECK(webhook_headers_read(&op, scheme, headers, &again, &good) == VAULT_OK && good);
	FUZZ_CHECK(again.n == claim.n && text_equal(again.id, claim.id) &&
		   text_equal(again.timestamp, claim.timestamp));
	for (size_t i = 0; i < claim.n; i++)
		FUZZ_CHECK(again.signatures[i].len == claim.signatures[i].len &&
			   memcmp(again.signatures[i].bytes, claim.signatures[i].bytes,
				  claim.signatures[i].len) == 0);
	return 0;
}
