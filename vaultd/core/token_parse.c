#include "vaultd/core/token_parse.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/claims.h"
#include "vaultd/core/json_read.h"
#include "vaultd/core/token.h"

static enum vault_err
decode_part(struct op *op, struct vault_text part, struct vault_bytes *bytes, bool *form)
{
	uint8_t *room = scratch_room(op->scratch, BASE64_DECODED_MAX(part.len) + 1);

	if (room == NULL)
		return VAULT_BUSY;
	*bytes = (struct vault_bytes){ room, 0 };
	*form = base64url_decode(part.p, part.len, room, &bytes->len);
	/* json_read wants an end that it cannot miss. */
	if (*form)
		room[bytes->len] = '\0';
	return VAULT_OK;
}

static enum vault_err
decode_object(struct op *op, struct vault_text part, struct vault_map *object, bool *form)
{
	struct vault_bytes bytes;
	uint8_t *room;

	TRY(decode_part(op, part, &bytes, form));
	if (!*form)
		return VAULT_OK;
	room = scratch_room(op->scratch, JSON_READ_ROOM(bytes.len));
	if (room == NULL)
		return VAULT_BUSY;
	*form = json_read_object((struct vault_text){ (const char *)bytes.p, bytes.len },
				 TOKEN_NESTING_MAX, room, object);
	return VAULT_OK;
}

/* Splits at the two dots; false where there are more or fewer. */
static bool
split(struct vault_text token, struct vault_text parts[static 3])
{
	const char *from = token.p, *end = token.p + token.len;

	for (unsigned i = 0; i < 2; i++) {
		const char *dot = memchr(from, '.', (size_t)(end - from));

		if (dot == NULL)
			return false;
		parts[i] = (struct vault_text){ from, (size_t)(dot - from) };
		from = dot + 1;
	}
	parts[2] = (struct vault_text){ from, (size_t)(end - from) };
	return memchr(from, '.', parts[2].len) == NULL;
}

enum vault_err
token_parse(struct op *op, struct vault_text token, struct token_parts *parts, bool *form)
{
	struct vault_bytes crit;
	struct vault_text text[3];

	*form = token.len <= TOKEN_MAX && split(token, text);
	if (!*form)
		return VAULT_OK;
	parts->input =
		(struct vault_bytes){ (const uint8_t *)token.p, text[0].len + 1 + text[1].len };
	TRY(decode_object(op, text[0], &parts->header, form));
	/* No extension is understood here, so none may be critical (RFC 7515 section 4.1.11). */
	if (*form && claims_find(parts->header, TEXT_LITERAL("crit"), &crit))
		*form = false;
	if (*form)
		TRY(decode_object(op, text[1], &parts->claims, form));
	if (*form)
		TRY(decode_part(op, text[2], &parts->signature, form));
	return VAULT_OK;
}

/* Compared as it stands: 2^63 and 1e300 are no dates, and what is cut off is only a fraction. */
static bool
read_date(struct cursor *value, struct vault_opt_int *to)
{
	double v;

	to->set = true;
	if (cursor_type(value) == CURSOR_INT)
		return cursor_int(value, &to->v) && to->v >= 0 && to->v <= TIME_MAX;
	if (cursor_type(value) != CURSOR_FLOAT || !cursor_float(value, &v))
		return false;
	if (!(v >= 0 && v <= (double)TIME_MAX))
		return false;
	to->v = (int64_t)v;
	return true;
}

static bool
read_slot(const struct member_slot *slot, struct vault_bytes raw)
{
	struct cursor value = { raw.p, raw.p + raw.len };
	struct vault_opt_int *count = slot->to;

	switch (slot->kind) {
	case MEMBER_TEXT:
		return cursor_str(&value, slot->to);
	case MEMBER_DATE:
		return read_date(&value, slot->to);
	case MEMBER_COUNT:
		count->set = true;
		return cursor_type(&value) == CURSOR_INT && cursor_int(&value, &count->v) &&
		       count->v >= 1 && count->v <= UINT32_MAX;
	case MEMBER_ANY:
		*(struct vault_bytes *)slot->to = raw;
		return true;
	}
	return false;
}

bool
members_read(struct vault_map object, const struct member_slot *slots, size_t n)
{
	struct cursor c = { object.p, object.p + object.len };
	struct claim claim;
	uint32_t left;

	if (!cursor_map(&c, &left))
		return false;
	while (claims_next(&c, &left, &claim)) {
		for (size_t i = 0; i < n; i++) {
			if (!text_equal(claim.name, slots[i].name))
				continue;
			if (!read_slot(&slots[i], claim.value))
				return false;
			break;
		}
	}
	return true;
}
