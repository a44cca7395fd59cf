#include "vaultd/core/webhook_headers.h"

#include <string.h>

#include "protocol/cursor.h"
#include "protocol/text.h"
#include "protocol/value.h"
#include "vaultd/base/base64.h"

#define NAMES_MAX 3  /* headers of one scheme */
#define VALUES_MAX 8 /* of a header that may be repeated */
#define HEX_PREFIX "sha256="
#define MAC_BYTES 32
#define HEX_CHARS (2 * MAC_BYTES)
#define TAG_MAX 4 /* bytes of "v1a," */

/* The headers of each scheme; the last one carries the signatures. */
static const char *const names[][NAMES_MAX] = {
	[webhook_scheme_standard] = { "webhook-id", "webhook-timestamp", "webhook-signature" },
	[webhook_scheme_github] = { "X-Hub-Signature-256" },
	[webhook_scheme_stripe] = { "Stripe-Signature" },
};

/* The values of one header. */
struct values {
	struct vault_text v[VALUES_MAX];
	size_t n;
	bool bad; /* too many, or too long */
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
same_name(struct vault_text name, const char *wanted)
{
	if (name.len != strlen(wanted))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (lower(name.p[i]) != lower(wanted[i]))
			return false;
	return true;
}

static struct values *
values_of(enum webhook_scheme scheme, struct vault_text name, struct values *all)
{
	for (size_t i = 0; i < NAMES_MAX && names[scheme][i] != NULL; i++)
		if (same_name(name, names[scheme][i]))
			return &all[i];
	return NULL;
}

/* values NULL: of a header that nobody asks for. */
static bool
take_value(struct cursor *c, struct values *values)
{
	struct vault_text value;

	if (!cursor_str(c, &value))
		return false;
	if (values == NULL)
		return true;
	if (values->n == VALUES_MAX || value.len > WEBHOOK_HEADER_MAX)
		values->bad = true;
	else
		values->v[values->n++] = value;
	return true;
}

/* A text, a list of texts, or nothing. */
static bool
take_values(struct cursor *c, struct values *values)
{
	uint32_t n;

	if (cursor_nil(c))
		return true;
	if (!cursor_array(c, &n))
		return take_value(c, values);
	for (uint32_t i = 0; i < n; i++)
		if (!take_value(c, values))
			return false;
	return true;
}

static bool
collect(enum webhook_scheme scheme, struct vault_map headers, struct values *all)
{
	struct cursor c = { headers.p, headers.p + headers.len };
	struct vault_text name;
	uint32_t n;

	if (!cursor_map(&c, &n))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!cursor_str(&c, &name) || !take_values(&c, values_of(scheme, name, all)))
			return false;
	return true;
}

bool
webhook_id(struct vault_text id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.p[i] <= ' ' || id.p[i] > '~' || id.p[i] == '.')
			return false;
	return id.len > 0 && id.len <= WEBHOOK_ID_MAX;
}

/* Seconds since 1970 as they are written in one way only. */
static bool
read_time(struct vault_text text, struct webhook_claim *claim)
{
	int64_t time = 0;

	if (text.len == 0 || text.len > WEBHOOK_TIMESTAMP_MAX || (text.len > 1 && text.p[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		time = time * 10 + (text.p[i] - '0');
	}
	if (time > TIME_MAX)
		return false;
	claim->timestamp = text;
	claim->time = time;
	return true;
}

/* The part before the next separator, which is taken off with it. */
static struct vault_text
next_part(struct vault_text *rest, char separator)
{
	const char *end = memchr(rest->p, separator, rest->len);
	struct vault_text part = { rest->p, end == NULL ? rest->len : (size_t)(end - rest->p) };
	size_t taken = part.len + (end != NULL);

	*rest = (struct vault_text){ rest->p + taken, rest->len - taken };
	return part;
}

static bool
starts(struct vault_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.len >= n && memcmp(text.p, prefix, n) == 0;
}

static struct vault_text
behind(struct vault_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return (struct vault_text){ text.p + n, text.len - n };
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_hex(struct vault_text text, struct webhook_signature *signature)
{
	int bad = 0;

	if (text.len != HEX_CHARS)
		return false;
	for (size_t i = 0; i < MAC_BYTES; i++) {
		int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);

		bad |= high | low;
		signature->bytes[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
	}
	signature->len = MAC_BYTES;
	return bad >= 0;
}

/* Of the length that its tag asks for. */
static bool
read_base64(struct vault_text text, size_t len, struct webhook_signature *signature)
{
	return text.len == BASE64_PADDED_LENGTH(len) &&
	       base64_decode_secret(text.p, text.len, signature->bytes, &signature->len) &&
	       signature->len == len;
}

/* One of a list's signatures; of kinds that are not known, or not of their form, none is made. */
static bool
read_tagged(struct vault_text item, struct webhook_signature *signature)
{
	if (starts(item, "v1,"))
		return read_base64(behind(item, "v1,"), MAC_BYTES, signature);
	if (starts(item, "v1a,"))
		return read_base64(behind(item, "v1a,"), WEBHOOK_SIGNATURE_BYTES, signature);
	return false;
}

static bool
read_list(struct vault_text list, struct webhook_claim *claim)
{
	while (list.len > 0) {
		struct webhook_signature signature;

		if (!read_tagged(next_part(&list, ' '), &signature))
			continue;
		if (claim->n == WEBHOOK_SIGNATURES_MAX)
			return false;
		claim->signatures[claim->n++] = signature;
	}
	return true;
}

static bool
read_standard(const struct values *all, struct webhook_claim *claim)
{
	const struct values *lists = &all[2];
	bool something = false;

	if (all[0].n != 1 || all[1].n != 1 || !webhook_id(all[0].v[0]) ||
	    !read_time(all[1].v[0], claim))
		return false;
	claim->id = all[0].v[0];
	for (size_t i = 0; i < lists->n; i++) {
		something |= lists->v[i].len > 0;
		if (!read_list(lists->v[i], claim))
			return false;
	}
	return something;
}

static bool
read_github(const struct values *all, struct webhook_claim *claim)
{
	if (all[0].n != 1 || !starts(all[0].v[0], HEX_PREFIX) ||
	    !read_hex(behind(all[0].v[0], HEX_PREFIX), &claim->signatures[0]))
		return false;
	claim->n = 1;
	return true;
}

/* t=SECONDS once, v1=HEX at least once; other members are passed over. */
static bool
read_stripe(const struct values *all, struct webhook_claim *claim)
{
	struct vault_text rest, part;
	bool something = false;

	if (all[0].n != 1)
		return false;
	rest = all[0].v[0];
	while (rest.len > 0) {
		part = next_part(&rest, ',');
		if (starts(part, "t=") &&
		    (claim->timestamp.p != NULL || !read_time(behind(part, "t="), claim)))
			return false;
		if (!starts(part, "v1="))
			continue;
		something = true;
		if (claim->n == WEBHOOK_SIGNATURES_MAX)
			return false;
		claim->n += read_hex(behind(part, "v1="), &claim->signatures[claim->n]);
	}
	return something && claim->timestamp.p != NULL;
}

enum vault_err
webhook_headers_read(struct op *op, enum webhook_scheme scheme, struct vault_map headers,
		     struct webhook_claim *claim, bool *well_formed)
{
	struct values all[NAMES_MAX] = { 0 };

	*claim = (struct webhook_claim){ .n = 0 };
	if (!collect(scheme, headers, all))
		return op_fail(op, VAULT_INVALID_PARAMS, "headers",
			       "a header's value is a text or a list of texts");
	*well_formed = !all[0].bad && !all[1].bad && !all[2].bad;
	if (*well_formed && scheme == webhook_scheme_standard)
		*well_formed = read_standard(all, claim);
	else if (*well_formed && scheme == webhook_scheme_github)
		*well_formed = read_github(all, claim);
	else if (*well_formed)
		*well_formed = read_stripe(all, claim);
	return VAULT_OK;
}

static char *
put(char *at, const char *p, size_t n)
{
	memcpy(at, p, n);
	return at + n;
}

static char *
put_hex(char *at, const struct webhook_signature *signature)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < signature->len; i++) {
		*at++ = digits[signature->bytes[i] >> 4];
		*at++ = digits[signature->bytes[i] & 15];
	}
	return at;
}

static char *
put_tagged(char *at, const struct webhook_signature *signature)
{
	at = signature->len == MAC_BYTES ? put(at, "v1,", 3) : put(at, "v1a,", TAG_MAX);
	return at + base64_encode_secret(signature->bytes, signature->len, at);
}

/* The header that carries the signatures. */
static char *
put_signatures(char *at, enum webhook_scheme scheme, const struct webhook_claim *claim)
{
	if (scheme == webhook_scheme_github)
		return put_hex(put(at, HEX_PREFIX, strlen(HEX_PREFIX)), &claim->signatures[0]);
	if (scheme == webhook_scheme_stripe)
		at = put(put(at, "t=", 2), claim->timestamp.p, claim->timestamp.len);
	for (size_t i = 0; i < claim->n; i++) {
		if (scheme == webhook_scheme_stripe) {
			at = put_hex(put(at, ",v1=", 4), &claim->signatures[i]);
			continue;
		}
		if (i > 0)
			*at++ = ' ';
		at = put_tagged(at, &claim->signatures[i]);
	}
	return at;
}

#define TEXT_MAX                                                                                   \
	(WEBHOOK_TIMESTAMP_MAX + 2 +                                                               \
	 WEBHOOK_SIGNATURES_MAX * (TAG_MAX + 1 + BASE64_PADDED_LENGTH(WEBHOOK_SIGNATURE_BYTES)))

_Static_assert(HEX_CHARS <= BASE64_PADDED_LENGTH(WEBHOOK_SIGNATURE_BYTES), "room for either form");

enum vault_err
webhook_headers_write(struct op *op, enum webhook_scheme scheme, const struct webhook_claim *claim,
		      struct vault_map *headers)
{
	bool standard = scheme == webhook_scheme_standard;
	struct codec_writer writer = { .out = op->work };
	char signatures[TEXT_MAX];
	size_t len = (size_t)(put_signatures(signatures, scheme, claim) - signatures);
	struct vault_bytes bytes;

	op->work->head = op->work->tail = 0;
	value_map(&writer, standard ? NAMES_MAX : 1);
	if (standard) {
		value_text(&writer, text_of(names[scheme][0]));
		value_text(&writer, claim->id);
		value_text(&writer, text_of(names[scheme][1]));
		value_text(&writer, claim->timestamp);
	}
	value_text(&writer, text_of(names[scheme][standard ? 2 : 0]));
	value_text(&writer, (struct vault_text){ signatures, len });
	if (writer.failed)
		return VAULT_BUSY;
	TRY(op_keep_bytes(op, (struct vault_bytes){ buf_data(op->work), buf_len(op->work) },
			  &bytes));
	*headers = (struct vault_map){ bytes.p, bytes.len };
	return VAULT_OK;
}
