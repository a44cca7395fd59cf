#include "vaultd/core/generator.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/base/random.h"

#define UUID_BYTES 16
#define UUID_TEXT 36
#define LETTERS_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
/* What no shell, connection string or configuration file takes for its own. */
#define PASSWORD_MARKS "-._~+=:,@%^"

static enum vault_err
check_alphabet(struct op *op, struct vault_text alphabet)
{
	bool seen[128] = { false };

	for (size_t i = 0; i < alphabet.len; i++) {
		unsigned char c = (unsigned char)alphabet.p[i];

		if (c < 0x20 || c > 0x7e)
			return op_fail(op, VAULT_INVALID_PARAMS, "generator",
				       "an alphabet is of printable ASCII");
		if (seen[c])
			return op_fail(op, VAULT_INVALID_PARAMS, "generator",
				       "a letter of the alphabet stands twice");
		seen[c] = true;
	}
	return VAULT_OK;
}

enum vault_err
generator_check(struct op *op, const struct secret_generator *given, struct generator *generator)
{
	int kind = given->kind.set ? given->kind.v : 0;

	if (kind != 0 && given->alphabet.p != NULL)
		return op_fail(op, VAULT_INVALID_PARAMS, "generator",
			       "an alphabet or a kind, not both");
	if (kind == generator_kind_uuid && given->length.set)
		return op_fail(op, VAULT_INVALID_PARAMS, "generator", "a uuid has its length");
	if (given->alphabet.p != NULL)
		TRY(check_alphabet(op, given->alphabet));
	*generator = (struct generator){ kind, (size_t)given->length.v, given->alphabet };
	return VAULT_OK;
}

static enum vault_err
make_of(struct arena *arena, struct vault_text alphabet, size_t length, struct secret *value)
{
	TRY(secret_new(arena, length, value));
	for (size_t i = 0; i < length; i++)
		value->p[i] = (uint8_t)alphabet.p[random_below((uint32_t)alphabet.len)];
	return VAULT_OK;
}

/* In constant time: a table would show the digits to who watches the cache. */
static uint8_t
hex_digit(unsigned nibble)
{
	return (uint8_t)('0' + nibble + (((9u - nibble) >> 8) & ('a' - '0' - 10)));
}

static void
put_hex(const uint8_t *bytes, size_t n, uint8_t *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digit(bytes[i] >> 4);
		out[2 * i + 1] = hex_digit(bytes[i] & 15);
	}
}

static enum vault_err
make_hex(struct arena *arena, size_t length, struct secret *value)
{
	SECRET_LOCAL(bytes);

	TRY(secret_random(arena, length, &bytes));
	TRY(secret_new(arena, 2 * length, value));
	put_hex(bytes.p, length, value->p);
	return VAULT_OK;
}

static enum vault_err
make_base64(struct arena *arena, size_t length, struct secret *value)
{
	SECRET_LOCAL(bytes);

	TRY(secret_random(arena, length, &bytes));
	TRY(secret_new(arena, BASE64_PADDED_LENGTH(length), value));
	(void)base64_encode_secret(bytes.p, length, (char *)value->p);
	return VAULT_OK;
}

/* RFC 9562 section 5.4: version 4. */
static enum vault_err
make_uuid(struct arena *arena, struct secret *value)
{
	static const size_t parts[] = { 4, 2, 2, 2, 6 };
	const uint8_t *from;
	uint8_t *to;
	SECRET_LOCAL(bytes);

	TRY(secret_random(arena, UUID_BYTES, &bytes));
	TRY(secret_new(arena, UUID_TEXT, value));
	bytes.p[6] = (uint8_t)((bytes.p[6] & 0x0f) | 0x40);
	bytes.p[8] = (uint8_t)((bytes.p[8] & 0x3f) | 0x80);
	from = bytes.p;
	to = value->p;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (i > 0)
			*to++ = '-';
		put_hex(from, parts[i], to);
		from += parts[i];
		to += 2 * parts[i];
	}
	return VAULT_OK;
}

enum vault_err
generator_make(struct arena *arena, const struct generator *generator, struct secret *value)
{
	switch (generator->kind) {
	case generator_kind_hex:
		return make_hex(arena, generator->length, value);
	case generator_kind_base64:
		return make_base64(arena, generator->length, value);
	case generator_kind_uuid:
		return make_uuid(arena, value);
	case generator_kind_password:
		return make_of(arena, TEXT_LITERAL(LETTERS_DIGITS PASSWORD_MARKS),
			       generator->length, value);
	default:
		return make_of(arena,
			       generator->alphabet.p != NULL ? generator->alphabet
							     : TEXT_LITERAL(LETTERS_DIGITS),
			       generator->length, value);
	}
}
