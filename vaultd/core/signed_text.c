#include "vaultd/core/signed_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"

#define SIGNATURE_WORD "signature: "
#define SIGNATURE_TEXT BASE64_PADDED_LENGTH(ED25519_SIGNATURE_BYTES)
#define LINE_SIGNATURE (sizeof SIGNATURE_WORD - 1 + SIGNATURE_TEXT + 1)
#define NUMBER_TEXT 24
#define TIME_FORM "%Y-%m-%dT%H:%M:%SZ"
#define TIME_TEXT 32

enum vault_err
signed_text_line(struct buf *out, const char *word, struct vault_text value)
{
	TRY(buf_append(out, word, strlen(word)));
	TRY(buf_append(out, ": ", 2));
	TRY(buf_append(out, value.p, value.len));
	return buf_append(out, "\n", 1);
}

enum vault_err
signed_text_number(struct buf *out, const char *word, int64_t value)
{
	char text[NUMBER_TEXT];

	snprintf(text, sizeof text, "%" PRId64, value);
	return signed_text_line(out, word, text_of(text));
}

enum vault_err
signed_text_time(struct buf *out, const char *word, int64_t at)
{
	char text[TIME_TEXT];
	time_t seconds = (time_t)at;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || strftime(text, sizeof text, TIME_FORM, &tm) == 0)
		return VAULT_INTERNAL;
	return signed_text_line(out, word, text_of(text));
}

enum vault_err
signed_text_hex(struct buf *out, const char *word, struct vault_bytes value)
{
	static const char digits[] = "0123456789abcdef";

	TRY(signed_text_line(out, word, (struct vault_text){ "", 0 }));
	out->tail--; /* the newline comes behind the digits */
	for (size_t i = 0; i < value.len; i++) {
		char pair[2] = { digits[value.p[i] >> 4], digits[value.p[i] & 15] };

		TRY(buf_append(out, pair, sizeof pair));
	}
	return buf_append(out, "\n", 1);
}

enum vault_err
signed_text_end(struct buf *out, const struct ed25519_key *identity)
{
	uint8_t signature[ED25519_SIGNATURE_BYTES];
	char text[SIGNATURE_TEXT];
	size_t len;

	ed25519_sign(identity, (struct vault_bytes){ buf_data(out), buf_len(out) }, signature);
	len = base64_encode_secret(signature, sizeof signature, text);
	TRY(buf_append(out, SIGNATURE_WORD, sizeof SIGNATURE_WORD - 1));
	TRY(buf_append(out, text, len));
	return buf_append(out, "\n", 1);
}

/* The form that signed_text_end writes, and no other that decodes alike. */
static bool
read_signature(const char *p, uint8_t signature[static ED25519_SIGNATURE_BYTES])
{
	uint8_t bytes[BASE64_DECODED_MAX(SIGNATURE_TEXT)];
	char again[SIGNATURE_TEXT];
	size_t len;

	if (!base64_decode_secret(p, SIGNATURE_TEXT, bytes, &len) || len != ED25519_SIGNATURE_BYTES)
		return false;
	base64_encode_secret(bytes, len, again);
	memcpy(signature, bytes, len);
	return text_same(again, p, sizeof again);
}

enum vault_err
signed_text_check(struct vault_text text, const char *first,
		  const uint8_t public_key[static ED25519_PUBLIC_BYTES], struct vault_text *lines)
{
	uint8_t signature[ED25519_SIGNATURE_BYTES];
	struct vault_text body = { text.p, 0 };
	size_t head = strlen(first);
	const char *line;

	if (text.len > SIGNED_TEXT_MAX || text.len < head + 1 + LINE_SIGNATURE ||
	    memcmp(text.p, first, head) != 0 || text.p[head] != '\n')
		return VAULT_INTEGRITY;
	body.len = text.len - LINE_SIGNATURE;
	line = text.p + body.len;
	if (line[-1] != '\n' || line[LINE_SIGNATURE - 1] != '\n' ||
	    !text_same(line, SIGNATURE_WORD, sizeof SIGNATURE_WORD - 1) ||
	    !read_signature(line + sizeof SIGNATURE_WORD - 1, signature) ||
	    !ed25519_verify(public_key, text_bytes(body),
			    (struct vault_bytes){ signature, sizeof signature }))
		return VAULT_INTEGRITY;
	*lines = (struct vault_text){ text.p + head + 1, body.len - head - 1 };
	return VAULT_OK;
}

enum vault_err
signed_text_take(struct vault_text *lines, const char *word, struct vault_text *value)
{
	size_t len = strlen(word);
	const char *end = lines->len == 0 ? NULL : memchr(lines->p, '\n', lines->len);

	if (end == NULL || (size_t)(end - lines->p) < len + 2 || memcmp(lines->p, word, len) != 0 ||
	    memcmp(lines->p + len, ": ", 2) != 0)
		return VAULT_INTEGRITY;
	*value = (struct vault_text){ lines->p + len + 2, (size_t)(end - lines->p) - len - 2 };
	lines->len -= (size_t)(end + 1 - lines->p);
	lines->p = end + 1;
	return VAULT_OK;
}

enum vault_err
signed_text_take_number(struct vault_text *lines, const char *word, int64_t max, int64_t *value)
{
	struct vault_text text;
	int64_t n = 0;

	TRY(signed_text_take(lines, word, &text));
	if (text.len == 0 || text.len > 18 || (text.p[0] == '0' && text.len > 1))
		return VAULT_INTEGRITY;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return VAULT_INTEGRITY;
		n = 10 * n + (text.p[i] - '0');
	}
	if (n > max)
		return VAULT_INTEGRITY;
	*value = n;
	return VAULT_OK;
}

enum vault_err
signed_text_take_time(struct vault_text *lines, const char *word, int64_t *at)
{
	char text[TIME_TEXT] = "";
	struct vault_text value;
	struct tm tm = { 0 };
	const char *end;

	TRY(signed_text_take(lines, word, &value));
	if (value.len >= sizeof text)
		return VAULT_INTEGRITY;
	memcpy(text, value.p, value.len);
	end = strptime(text, TIME_FORM, &tm);
	if (end == NULL || *end != '\0')
		return VAULT_INTEGRITY;
	*at = (int64_t)timegm(&tm);
	return VAULT_OK;
}

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum vault_err
signed_text_take_hex(struct vault_text *lines, const char *word, uint8_t *bytes, size_t len)
{
	struct vault_text text;

	TRY(signed_text_take(lines, word, &text));
	if (text.len != 2 * len)
		return VAULT_INTEGRITY;
	for (size_t i = 0; i < len; i++) {
		int high = digit_of(text.p[2 * i]), low = digit_of(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return VAULT_INTEGRITY;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return VAULT_OK;
}
