#include "vaultd/core/token_parse.h"

#include <string.h>

#include "protocol/value.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/claims.h"
#include "vaultd/core/token.h"

void
token_parts_free(struct token_parts *parts)
{
	json_decref(parts->header);
	json_decref(parts->claims);
	parts->header = parts->claims = NULL;
}

/* Whether a value nests at most depth containers; jansson itself bounds its own recursion. */
static bool
shallow(const json_t *value, unsigned depth)
{
	const char *name;
	json_t *member;
	size_t i;

	if (!json_is_object(value) && !json_is_array(value))
		return true;
	if (depth == 0)
		return false;
	json_object_foreach((json_t *)(uintptr_t)value, name,
			    member) if (!shallow(member, depth - 1)) return false;
	json_array_foreach(value, i, member) if (!shallow(member, depth - 1)) return false;
	return true;
}

static enum vault_err
decode_part(struct op *op, struct vault_text part, struct vault_bytes *bytes, bool *form)
{
	uint8_t *room = scratch_room(op->scratch, BASE64_DECODED_MAX(part.len) + 1);

	if (room == NULL)
		return VAULT_BUSY;
	*bytes = (struct vault_bytes){ room, 0 };
	*form = base64url_decode(part.p, part.len, room, &bytes->len);
	return VAULT_OK;
}

static enum vault_err
decode_object(struct op *op, struct vault_text part, json_t **object, bool *form)
{
	struct vault_bytes bytes;

	TRY(decode_part(op, part, &bytes, form));
	if (!*form)
		return VAULT_OK;
	*object = json_loadb((const char *)bytes.p, bytes.len,
			     JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	*form = json_is_object(*object) && shallow(*object, TOKEN_NESTING_MAX);
	return VAULT_OK;
}

/* Splits at the two dots; false where there are more or fewer. */
static bool
split(struct vault_text token, struct vault_text parts[static 3])
{
	size_t from = 0, n = 0;

	for (size_t i = 0; i <= token.len; i++) {
		if (i < token.len && token.p[i] != '.')
			continue;
		if (n == 3)
			return false;
		parts[n++] = (struct vault_text){ token.p + from, i - from };
		from = i + 1;
	}
	return n == 3;
}

enum vault_err
token_parse(struct op *op, struct vault_text token, struct token_parts *parts, bool *form)
{
	struct vault_text text[3];

	*form = token.len <= TOKEN_MAX && split(token, text);
	if (!*form)
		return VAULT_OK;
	parts->input =
		(struct vault_bytes){ (const uint8_t *)token.p, text[0].len + 1 + text[1].len };
	TRY(decode_object(op, text[0], &parts->header, form));
	/* No extension is understood here, so none may be critical (RFC 7515 section 4.1.11). */
	if (*form && json_object_get(parts->header, "crit") != NULL)
		*form = false;
	if (*form)
		TRY(decode_object(op, text[1], &parts->claims, form));
	if (*form)
		TRY(decode_part(op, text[2], &parts->signature, form));
	return VAULT_OK;
}

struct vault_text
json_member_text(const json_t *object, const char *name, bool *ok)
{
	const json_t *member = json_object_get(object, name);

	if (member == NULL)
		return (struct vault_text){ 0 };
	if (!json_is_string(member)) {
		*ok = false;
		return (struct vault_text){ 0 };
	}
	return (struct vault_text){ json_string_value(member), json_string_length(member) };
}

struct vault_opt_int
json_member_date(const json_t *object, const char *name, bool *ok)
{
	const json_t *member = json_object_get(object, name);
	double v;

	if (member == NULL)
		return (struct vault_opt_int){ 0 };
	v = json_is_number(member) ? json_number_value(member) : -1;
	if (!(v >= 0 && v <= (double)TIME_MAX)) {
		*ok = false;
		return (struct vault_opt_int){ 0 };
	}
	return (struct vault_opt_int){ (int64_t)v, true };
}

static void
write_json(struct codec_writer *writer, const json_t *value)
{
	const char *name;
	json_t *member;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		value_map(writer, json_object_size(value));
		json_object_foreach((json_t *)(uintptr_t)value, name, member)
		{
			value_text(writer, (struct vault_text){ name, strlen(name) });
			write_json(writer, member);
		}
		break;
	case JSON_ARRAY:
		value_array(writer, json_array_size(value));
		json_array_foreach(value, i, member) write_json(writer, member);
		break;
	case JSON_STRING:
		value_text(writer, (struct vault_text){ json_string_value(value),
							json_string_length(value) });
		break;
	case JSON_INTEGER:
		value_int(writer, json_integer_value(value));
		break;
	case JSON_REAL:
		value_float(writer, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		value_bool(writer, json_is_true(value));
		break;
	case JSON_NULL:
		value_nil(writer);
		break;
	}
}

enum vault_err
json_to_map(struct op *op, const json_t *object, struct vault_map *map)
{
	struct codec_writer writer = { .out = op->work };
	struct vault_bytes bytes;

	op->work->head = op->work->tail = 0;
	write_json(&writer, object);
	if (writer.failed)
		return VAULT_BUSY;
	TRY(op_keep_bytes(op, (struct vault_bytes){ buf_data(op->work), buf_len(op->work) },
			  &bytes));
	*map = (struct vault_map){ bytes.p, bytes.len };
	return VAULT_OK;
}

json_t *
json_from_value(struct op *op, struct vault_bytes value)
{
	struct cursor c = { value.p, value.p + value.len };

	op->work->head = op->work->tail = 0;
	if (json_put_value(op->work, &c) != VAULT_OK)
		return NULL;
	return json_loadb((const char *)buf_data(op->work), buf_len(op->work),
			  JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}
