/*
 * A share's words: what is read is written as the same words. And shares that somebody made up with
 * a checksum that is right: whatever they say, joining them ends in an answer.
 */
#include "protocol/text.h"
#include "tests/fuzz/seeds.h"
#include "vaultd/crypto/init.h"
#include "vaultd/crypto/shares.h"

#define ARENA_BYTES (1 << 20)
#define SHARE_BYTES 7 /* of the input, before a value */

static struct arena *arena;

static const char *const seeds[] = {
	"shadow pistol academic always adequate wildlife fancy gross oasis cylinder mustang wrist "
	"rescue view short owner flip making coding armed",
	"duckling enlarge academic academic agency result length solution fridge kidney coal piece "
	"deal husband erode duke ajar critical decision keyboard",
	"ACADEMIC  acid\tacne acquire",
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = seeds_directory(*argc, *argv);

	FUZZ_CHECK(crypto_init() == VAULT_OK);
	FUZZ_CHECK(arena_open(ARENA_BYTES, false, &arena) == VAULT_OK);
	for (unsigned i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
		struct buf out = { 0 };

		FUZZ_CHECK(buf_append(&out, seeds[i], strlen(seeds[i])) == VAULT_OK);
		seed_write(directory, i, &out);
		buf_free(&out);
	}
	return 0;
}

/* Read, written and read again. */
static void
check_words(struct vault_text text)
{
	struct share share = { 0 }, again = { 0 };
	struct secret words = { 0 };

	if (share_read(arena, text, &share) != VAULT_OK)
		return;
	FUZZ_CHECK(share.value.len >= SHARE_VALUE_MIN && share.value.len <= SHARE_VALUE_MAX);
	FUZZ_CHECK(share_write(arena, &share, &words) == VAULT_OK);
	text = (struct vault_text){ (const char *)words.p, words.len };
	FUZZ_CHECK(share_read(arena, text, &again) == VAULT_OK);
	FUZZ_CHECK(share_same_set(&share, &again) && share.index == again.index);
	FUZZ_CHECK(secret_equal(&share.value, again.value.p, again.value.len));
	share_free(&share);
	share_free(&again);
	secret_free(&words);
}

/* The input's next share; false where nothing is left. */
static bool
take_share(const uint8_t **data, size_t *size, struct share *share)
{
	const uint8_t *p = *data;
	size_t len;

	if (*size < SHARE_BYTES)
		return false;
	len = SHARE_VALUE_MIN + 2 * (p[6] % ((SHARE_VALUE_MAX - SHARE_VALUE_MIN) / 2 + 1));
	if (*size < SHARE_BYTES + len)
		return false;
	*share = (struct share){ .id = p[0] & 1,
				 .extendable = (p[0] & 2) != 0,
				 .group = p[1] & 0xf,
				 .group_threshold = (uint8_t)((p[2] & 0xf) + 1),
				 .group_count = (uint8_t)((p[3] & 0xf) + 1),
				 .index = p[4] & 0xf,
				 .threshold = (uint8_t)((p[5] & 0xf) + 1) };
	FUZZ_CHECK(secret_copy(arena, p + SHARE_BYTES, len, &share->value) == VAULT_OK);
	*data += SHARE_BYTES + len;
	*size -= SHARE_BYTES + len;
	return true;
}

static void
check_join(const uint8_t *data, size_t size)
{
	struct share shares[SHARES_MAX + 1] = { 0 };
	struct secret secret = { 0 };
	size_t n = 0;

	while (n <= SHARES_MAX && take_share(&data, &size, &shares[n]))
		n++;
	if (shares_join(shares, n, (struct vault_text){ 0 }, &secret) == VAULT_OK)
		FUZZ_CHECK(secret.len == shares[0].value.len);
	secret_free(&secret);
	for (size_t i = 0; i < n; i++)
		share_free(&shares[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_words((struct vault_text){ (const char *)data, size });
	check_join(data, size);
	FUZZ_CHECK(arena_used(arena) == 0);
	return 0;
}
