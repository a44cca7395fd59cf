#include <jansson.h>
#include <string.h>

#include "tools/vaultctl/json.h"
#include "tools/vaultctl/pack.h"

static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-' || c == '+')
		return 62;
	return c == '_' || c == '/' ? 63 : -1;
}

bool
base64url_read(struct buf *out, struct vault_text t)
{
	uint32_t bits = 0;
	unsigned have = 0;

	while (t.len > 0 && t.p[t.len - 1] == '=')
		t.len--;
	if (t.len % 4 == 1)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		int v = sextet(t.p[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			uint8_t byte = (uint8_t)(bits >> (have - 8));

			pack_raw(out, &byte, 1);
			have -= 8;
		}
	}
	return true;
}

static bool pack_json(struct buf *out, const json_t *v, char *why);

/* {"$bytes": "..."} */
static bool
pack_bytes(struct buf *out, const json_t *text, char *why)
{
	struct buf bytes = { 0 };
	bool ok = base64url_read(
		&bytes, (struct vault_text){ json_string_value(text), json_string_length(text) });

	if (ok)
		pack_bin(out, (struct vault_bytes){ buf_data(&bytes), buf_len(&bytes) });
	else
		snprintf(why, JSON_WHY_MAX, "\"$bytes\" is not base64url");
	buf_free(&bytes);
	return ok;
}

static bool
pack_object(struct buf *out, const json_t *object, char *why)
{
	const json_t *bytes = json_object_get(object, "$bytes");
	const char *key;
	json_t *value;

	if (json_object_size(object) == 1 && json_is_string(bytes))
		return pack_bytes(out, bytes, why);
	pack_map(out, (uint32_t)json_object_size(object));
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		pack_str(out, (struct vault_text){ key, strlen(key) });
		if (!pack_json(out, value, why))
			return false;
	}
	return true;
}

static bool
pack_list(struct buf *out, const json_t *list, char *why)
{
	pack_array(out, (uint32_t)json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!pack_json(out, json_array_get(list, i), why))
			return false;
	return true;
}

static bool
pack_json(struct buf *out, const json_t *v, char *why)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return pack_object(out, v, why);
	case JSON_ARRAY:
		return pack_list(out, v, why);
	case JSON_STRING:
		pack_str(out, (struct vault_text){ json_string_value(v), json_string_length(v) });
		return true;
	case JSON_INTEGER:
		pack_int(out, json_integer_value(v));
		return true;
	case JSON_REAL:
		pack_float(out, json_real_value(v));
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		pack_bool(out, json_is_true(v));
		return true;
	case JSON_NULL:
		pack_nil(out);
		return true;
	}
	return false;
}

bool
json_parse(struct buf *out, struct vault_text text, char why[static JSON_WHY_MAX])
{
	size_t before = buf_len(out);
	json_error_t error;
	json_t *v = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	bool ok;

	if (v == NULL) {
		snprintf(why, JSON_WHY_MAX, "not JSON: line %d: %.100s", error.line, error.text);
		return false;
	}
	ok = pack_json(out, v, why);
	json_decref(v);
	if (!ok)
		buf_truncate(out, before);
	return ok;
}
