#include "vaultd/core/apikey_text.h"

#include "protocol/text.h"
#include "vaultd/base/crc32.h"

#define BASE 62
#define RANDOM_CHUNK 64 /* bytes taken from the pool at a time */

static const char digits62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* Which bytes are digits. A table, for it is asked 55 times a key. */
static const uint8_t is_digit[256] = {
	['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
	['8'] = 1, ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1,
	['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1,
	['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1,
	['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1,
	['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1,
	['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1,
	['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};

bool
apikey_env(struct vault_text env)
{
	if (env.len < APIKEY_ENV_MIN || env.len > APIKEY_ENV_MAX)
		return false;
	for (size_t i = 0; i < env.len; i++)
		if (env.p[i] < 'a' || env.p[i] > 'z')
			return false;
	return true;
}

bool
apikey_scope(struct vault_text scope)
{
	if (scope.len < 1 || scope.len > APIKEY_SCOPE_MAX)
		return false;
	for (size_t i = 0; i < scope.len; i++) {
		char c = scope.p[i];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' &&
		    c != ':' && c != '-')
			return false;
	}
	return true;
}

bool
apikey_scopes_give(const struct vault_texts *scopes, struct vault_text scope)
{
	if (texts_hold(scopes, scope))
		return true;
	if (!text_is(scope, "read") && !text_is(scope, "write"))
		return false;
	return texts_hold(scopes, TEXT_LITERAL("admin")) ||
	       (text_is(scope, "read") && texts_hold(scopes, TEXT_LITERAL("write")));
}

static void
crc_digits(struct vault_text text, char out[static APIKEY_CRC_DIGITS])
{
	uint32_t crc = crc32_of(text_bytes(text));

	for (int i = APIKEY_CRC_DIGITS - 1; i >= 0; i--) {
		out[i] = digits62[crc % BASE];
		crc /= BASE;
	}
}

bool
apikey_text_ours(struct vault_text text)
{
	return text.len >= sizeof APIKEY_PREFIX - 1 &&
	       memcmp(text.p, APIKEY_PREFIX, sizeof APIKEY_PREFIX - 1) == 0;
}

bool
apikey_text_parse(struct vault_text text, struct apikey_text *key)
{
	const size_t prefix = sizeof APIKEY_PREFIX - 1;
	const size_t hashed = APIKEY_ID_DIGITS + APIKEY_SECRET_DIGITS;
	char crc[APIKEY_CRC_DIGITS];
	struct vault_text env, body;
	unsigned good = 1;

	if (text.len < prefix + APIKEY_ENV_MIN + 1 + hashed + APIKEY_CRC_DIGITS ||
	    text.len > APIKEY_TEXT_MAX || !apikey_text_ours(text))
		return false;
	env = (struct vault_text){ text.p + prefix,
				   text.len - prefix - 1 - hashed - APIKEY_CRC_DIGITS };
	body = (struct vault_text){ env.p + env.len + 1, hashed };
	if (!apikey_env(env) || env.p[env.len] != '_')
		return false;
	for (size_t i = 0; i < hashed; i++)
		good &= is_digit[(uint8_t)body.p[i]];
	crc_digits((struct vault_text){ text.p, text.len - APIKEY_CRC_DIGITS }, crc);
	if (good == 0 || memcmp(crc, body.p + hashed, APIKEY_CRC_DIGITS) != 0)
		return false;
	*key = (struct apikey_text){ env, { body.p, APIKEY_ID_DIGITS }, body };
	return true;
}

void
apikey_digits(struct random_pool *random, char *digits, size_t n)
{
	uint8_t bytes[RANDOM_CHUNK];
	size_t made = 0;

	while (made < n) {
		random_pool_take(random, bytes, sizeof bytes);
		for (size_t i = 0; i < sizeof bytes && made < n; i++)
			/* Six bits; 62 and 63 are thrown away, so that no digit is likelier. */
			if ((bytes[i] & 63) < BASE)
				digits[made++] = digits62[bytes[i] & 63];
	}
	secret_wipe(bytes, sizeof bytes);
}

size_t
apikey_text_make(struct random_pool *random, struct vault_text env,
		 char text[static APIKEY_TEXT_MAX])
{
	const size_t prefix = sizeof APIKEY_PREFIX - 1;
	size_t at = prefix + env.len + 1;

	memcpy(text, APIKEY_PREFIX, prefix);
	memcpy(text + prefix, env.p, env.len);
	text[prefix + env.len] = '_';
	apikey_digits(random, text + at, APIKEY_ID_DIGITS + APIKEY_SECRET_DIGITS);
	at += APIKEY_ID_DIGITS + APIKEY_SECRET_DIGITS;
	crc_digits((struct vault_text){ text, at }, text + at);
	return at + APIKEY_CRC_DIGITS;
}
