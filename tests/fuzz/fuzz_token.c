/*
 * A token before anything in it is believed: taken apart, its claims told as MessagePack that any
 * client can read.
 */
#include "vaultd/core/token_parse.h"

#include "protocol/text.h"
#include "tests/fuzz/seeds.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/token.h"

#define SCRATCH_BYTES 65536
#define SCRATCH_LIMIT (4u << 20)

static struct scratch scratch;
static struct buf work;

static const char *const headers[] = { "{\"alg\":\"HS256\",\"kid\":\"k.1\",\"typ\":\"JWT\"}",
				       "{\"alg\":\"none\"}", "{\"alg\":\"EdDSA\",\"crit\":[\"x\"]}",
				       "{}" };
static const char *const payloads[] = {
	"{\"aud\":[\"a\",\"b\"],\"exp\":1800000000,\"iat\":1.8e9,\"jti\":\"x\",\"prf\":\"p\"}",
	"{\"a\":{\"b\":[1,2.5,null,true,\"\\u00e9\\ud83d\\ude00\"]},\"n\":-9007199254740993}",
	"{\"a\":[[[[]]]],\"exp\":-1}",
	"{\"a\":1,\"a\":2}",
};

static void
put_part(struct buf *out, const char *text)
{
	char encoded[512];
	size_t len = base64url_encode((const uint8_t *)text, strlen(text), encoded);

	FUZZ_CHECK(buf_append(out, encoded, len) == VAULT_OK);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = seeds_directory(*argc, *argv);

	FUZZ_CHECK(scratch_init(&scratch, SCRATCH_BYTES, SCRATCH_LIMIT) == VAULT_OK);
	for (unsigned i = 0; i < 16; i++) {
		struct buf out = { 0 };

		put_part(&out, headers[i % 4]);
		FUZZ_CHECK(buf_append(&out, ".", 1) == VAULT_OK);
		put_part(&out, payloads[i / 4]);
		FUZZ_CHECK(buf_append(&out, ".", 1) == VAULT_OK);
		put_part(&out, "0123456789abcdef0123456789abcdef");
		seed_write(directory, i, &out);
		buf_free(&out);
		/* And as a payload alone, see below. */
		FUZZ_CHECK(buf_append(&out, payloads[i / 4], strlen(payloads[i / 4])) == VAULT_OK);
		seed_write(directory, 100 + i, &out);
		buf_free(&out);
	}
	return 0;
}

static void
look_at(struct op *op, struct vault_text token)
{
	struct token_parts parts = { 0 };
	struct vault_text kid = { 0 };
	struct vault_opt_int exp = { 0 }, iat = { 0 }, uses = { 0 };
	const struct member_slot slots[] = {
		{ TEXT_LITERAL("exp"), MEMBER_DATE, &exp },
		{ TEXT_LITERAL("iat"), MEMBER_DATE, &iat },
		{ TEXT_LITERAL("uses"), MEMBER_COUNT, &uses },
	};
	const struct member_slot named = { TEXT_LITERAL("kid"), MEMBER_TEXT, &kid };
	struct cursor c;
	bool form = true;
	enum vault_err err = token_parse(op, token, &parts, &form);

	FUZZ_CHECK(err == VAULT_OK || err == VAULT_BUSY);
	if (err != VAULT_OK || !form)
		return;
	FUZZ_CHECK(token.len <= TOKEN_MAX && parts.input.len + 1 <= token.len);
	c = (struct cursor){ parts.claims.p, parts.claims.p + parts.claims.len };
	FUZZ_CHECK(cursor_type(&c) == CURSOR_MAP);
	FUZZ_CHECK(cursor_skip(&c, NULL) && c.p == c.end);
	(void)members_read(parts.header, &named, 1);
	if (members_read(parts.claims, slots, sizeof slots / sizeof slots[0]))
		FUZZ_CHECK(exp.v >= 0 && exp.v <= TIME_MAX && uses.v >= 0 && uses.v <= UINT32_MAX);
}

/*
 * The input as it is; and, so that mutations reach the JSON, once more as a payload behind a header
 * that is right.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct op op = { .scratch = &scratch, .work = &work };
	struct buf token = { 0 };
	char *encoded = malloc(BASE64_LENGTH(size) + 1);

	look_at(&op, (struct vault_text){ (const char *)data, size });
	scratch_reset(&scratch, false);
	FUZZ_CHECK(encoded != NULL);
	put_part(&token, headers[0]);
	FUZZ_CHECK(buf_append(&token, ".", 1) == VAULT_OK);
	FUZZ_CHECK(buf_append(&token, encoded, base64url_encode(data, size, encoded)) == VAULT_OK);
	FUZZ_CHECK(buf_append(&token, ".AAAA", 5) == VAULT_OK);
	look_at(&op, (struct vault_text){ (const char *)buf_data(&token), buf_len(&token) });
	scratch_reset(&scratch, false);
	buf_free(&token);
	free(encoded);
	return 0;
}
