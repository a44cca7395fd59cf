/*
 * The text of an API key, and the sources that keys are bound to: whatever is taken is of the form
 * that it is taken for, and is taken again as it is shown.
 */
#include "protocol/text.h"
#include "tests/fuzz/seeds.h"
#include "vaultd/core/apikey_text.h"
#include "vaultd/core/cidr.h"
#include "vaultd/crypto/init.h"

static const char *const seeds[] = {
	"vk_live_00000000000000000000000000000000000000000000000000000000000",
	"vk_ab_",
	"10.0.0.0/8",
	"2001:db8::/32",
	"::ffff:10.0.0.0/104",
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = seeds_directory(*argc, *argv);

	FUZZ_CHECK(crypto_init() == VAULT_OK);
	for (unsigned i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
		struct buf out = { 0 };

		FUZZ_CHECK(buf_append(&out, seeds[i], strlen(seeds[i])) == VAULT_OK);
		seed_write(directory, i, &out);
		buf_free(&out);
	}
	return 0;
}

static void
check_key(struct vault_text text)
{
	struct apikey_text key;

	if (!apikey_text_parse(text, &key))
		return;
	FUZZ_CHECK(apikey_text_ours(text) && apikey_env(key.env));
	FUZZ_CHECK(key.id.len == APIKEY_ID_DIGITS && key.id.p == key.hashed.p);
	FUZZ_CHECK(key.hashed.p + key.hashed.len + APIKEY_CRC_DIGITS == text.p + text.len);
}

static void
check_cidr(struct vault_text text)
{
	uint8_t cidr[CIDR_BYTES], again[CIDR_BYTES];
	char shown[CIDR_TEXT_MAX];
	size_t len;

	if (!cidr_parse(text, cidr))
		return;
	FUZZ_CHECK(cidr[0] <= 8 * ADDRESS_BYTES);
	len = cidr_format(cidr, shown);
	FUZZ_CHECK(len < sizeof shown);
	FUZZ_CHECK(cidr_parse((struct vault_text){ shown, len }, again));
	FUZZ_CHECK(memcmp(cidr, again, sizeof cidr) == 0);
	FUZZ_CHECK(cidr[0] < 96 || cidrs_hold((struct vault_bytes){ cidr, sizeof cidr }, cidr + 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vault_text text = { (const char *)data, size };

	check_key(text);
	check_cidr(text);
	(void)apikey_scope(text);
	return 0;
}
