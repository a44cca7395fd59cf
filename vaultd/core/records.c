#include "vaultd/core/records.h"

#include <string.h>

#include "protocol/codec.h"
#include "protocol/cursor.h"
#include "protocol/text.h"

#include "protocol/fields_each.h"
#define FIELD_EACH DEFAULTS_EACH
#define RECORD_BEGIN(id) DEFAULTS_BEGIN(id)
#define RECORD_END(id) DEFAULTS_END
#include "vaultd/core/records.def"
#undef RECORD_BEGIN
#undef RECORD_END
#include "protocol/fields_end.h"

#include "protocol/fields_each.h"
#define FIELD_EACH REQUIRED_EACH
#define RECORD_BEGIN(id) REQUIRED_BEGIN(id)
#define RECORD_END(id) REQUIRED_END
#include "vaultd/core/records.def"
#undef RECORD_BEGIN
#undef RECORD_END
#include "protocol/fields_end.h"

#include "protocol/fields_table.h"
#define RECORD_BEGIN(id) TABLE_BEGIN(id)
#define RECORD_END(id) TABLE_END(id)
#include "vaultd/core/records.def"
#undef RECORD_BEGIN
#undef RECORD_END
#include "protocol/fields_end.h"

#define VARINT_MAX 10 /* bytes of a 64-bit number, seven bits each */

static size_t
number_bytes(uint64_t v, uint8_t bytes[static VARINT_MAX])
{
	size_t n = 0;

	do {
		bytes[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (v != 0);
	return n;
}

static enum vault_err
put_number(struct buf *out, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];

	return buf_append(out, bytes, number_bytes(v, bytes));
}

static enum vault_err
put_bytes(struct buf *out, const void *p, size_t n)
{
	TRY(put_number(out, n));
	return buf_append(out, p, n);
}

static enum vault_err
put_elements(struct buf *out, const struct field *field, const struct object_list *list)
{
	TRY(put_number(out, list->n));
	for (size_t i = 0; i < list->n; i++) {
		const struct vault_text *t = (const struct vault_text *)list->v + i;
		struct buf nested = { 0 };
		enum vault_err err;

		if (field->kind == FIELD_TEXTS) {
			TRY(put_bytes(out, t->p, t->len));
			continue;
		}
		/*
		 * A nested struct stands behind its length, which is known only once it is written.
		 */
		err = record_encode(field->object(),
				    (const uint8_t *)list->v + i * field->object()->size, &nested);
		if (err == VAULT_OK)
			err = put_bytes(out, buf_data(&nested), buf_len(&nested));
		buf_free(&nested);
		TRY(err);
	}
	return VAULT_OK;
}

static enum vault_err
put_list(struct buf *out, const struct field *field, const struct object_list *list)
{
	struct buf elements = { 0 };
	enum vault_err err = put_elements(&elements, field, list);

	if (err == VAULT_OK)
		err = put_bytes(out, buf_data(&elements), buf_len(&elements));
	buf_free(&elements);
	return err;
}

static enum vault_err
put_scalar(struct buf *out, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];

	return put_bytes(out, bytes, number_bytes(v, bytes));
}

static bool
field_set(const struct field *field, const uint8_t *at)
{
	const void *p;

	if (field->required)
		return true;
	if (field->kind == FIELD_INT)
		return ((const struct vault_opt_int *)(const void *)at)->set;
	memcpy(&p, at, sizeof p);
	return p != NULL;
}

static enum vault_err
put_field(struct buf *out, const struct field *field, const uint8_t *at)
{
	const struct vault_bytes *bytes = (const void *)at;

	switch ((enum field_kind)field->kind) {
	case FIELD_INT:
		return put_scalar(out, (uint64_t) * (const int64_t *)(const void *)at);
	case FIELD_ENUM:
		return put_scalar(out, (uint64_t) * (const int *)(const void *)at);
	case FIELD_BOOL:
		return put_scalar(out, *(const bool *)at);
	case FIELD_TEXTS:
	case FIELD_OBJECTS:
		return put_list(out, field, (const void *)at);
	default:
		return put_bytes(out, bytes->p, bytes->len);
	}
}

enum vault_err
record_encode(const struct object_type *type, const void *in, struct buf *out)
{
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];
		const uint8_t *at = (const uint8_t *)in + field->offset;

		if (!field_set(field, at))
			continue;
		TRY(put_number(out, i + 1));
		TRY(put_field(out, field, at));
	}
	return VAULT_OK;
}

struct reader {
	const uint8_t *p;
	const uint8_t *end;
	struct scratch *scratch;
};

static enum vault_err
take_number(struct reader *r, uint64_t *v)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (r->p == r->end)
			return VAULT_INTEGRITY;
		n |= (uint64_t)(*r->p & 0x7f) << shift;
		if ((*r->p++ & 0x80) == 0) {
			*v = n;
			return VAULT_OK;
		}
	}
	return VAULT_INTEGRITY;
}

static enum vault_err
take_bytes(struct reader *r, struct vault_bytes *b)
{
	uint64_t n;

	TRY(take_number(r, &n));
	if (n > (uint64_t)(r->end - r->p))
		return VAULT_INTEGRITY;
	*b = (struct vault_bytes){ r->p, (size_t)n };
	r->p += n;
	return VAULT_OK;
}

static enum vault_err
take_list(struct reader *r, const struct field *field, struct object_list *list)
{
	bool texts = field->kind == FIELD_TEXTS;
	size_t size = texts ? sizeof(struct vault_text) : field->object()->size;
	uint8_t *room;
	uint64_t n;

	TRY(take_number(r, &n));
	if (n > (uint64_t)(r->end - r->p))
		return VAULT_INTEGRITY;
	room = scratch_alloc(r->scratch, (n == 0 ? 1 : (size_t)n) * size);
	if (room == NULL)
		return VAULT_BUSY;
	for (uint64_t i = 0; i < n; i++) {
		struct vault_bytes b;

		TRY(take_bytes(r, &b));
		if (texts)
			((struct vault_text *)(void *)room)[i] =
				(struct vault_text){ (const char *)b.p, b.len };
		else
			TRY(record_decode(field->object(), b, r->scratch, room + i * size));
	}
	*list = (struct object_list){ room, (size_t)n };
	return VAULT_OK;
}

static enum vault_err
take_scalar(struct reader *r, const struct field *field, uint8_t *at)
{
	uint64_t v;

	TRY(take_number(r, &v));
	if (field->kind == FIELD_BOOL)
		memcpy(at, &(bool){ v != 0 }, sizeof(bool));
	else if (field->kind == FIELD_ENUM)
		memcpy(at, &(int){ (int)v }, sizeof(int));
	else if (field->required)
		memcpy(at, &(int64_t){ (int64_t)v }, sizeof(int64_t));
	else
		memcpy(at, &(struct vault_opt_int){ (int64_t)v, true },
		       sizeof(struct vault_opt_int));
	return VAULT_OK;
}

static enum vault_err
take_field(struct reader *r, const struct field *field, uint8_t *at)
{
	struct object_list list;

	switch ((enum field_kind)field->kind) {
	case FIELD_INT:
	case FIELD_ENUM:
	case FIELD_BOOL:
		return take_scalar(r, field, at);
	case FIELD_TEXTS:
	case FIELD_OBJECTS:
		TRY(take_list(r, field, &list));
		memcpy(at, &list, sizeof list);
		return VAULT_OK;
	default:
		memcpy(at, &(struct vault_bytes){ r->p, (size_t)(r->end - r->p) },
		       sizeof(struct vault_bytes));
		r->p = r->end;
		return VAULT_OK;
	}
}

enum vault_err
record_decode(const struct object_type *type, struct vault_bytes bytes, struct scratch *scratch,
	      void *out)
{
	struct reader r = { bytes.p, bytes.p + bytes.len, scratch };

	memset(out, 0, type->size);
	while (r.p != r.end) {
		struct vault_bytes value;
		struct reader inner;
		uint64_t number;

		TRY(take_number(&r, &number));
		TRY(take_bytes(&r, &value));
		if (number == 0 || number > type->count)
			continue;
		inner = (struct reader){ value.p, value.p + value.len, scratch };
		TRY(take_field(&inner, &type->fields[number - 1],
			       (uint8_t *)out + type->fields[number - 1].offset));
		if (inner.p != inner.end)
			return VAULT_INTEGRITY;
	}
	return VAULT_OK;
}

static bool
length_within(const struct field *field, size_t len)
{
	return len >= (size_t)field->min && len <= (size_t)field->max;
}

static bool
text_within(const struct field *field, const struct vault_text *t)
{
	if (!length_within(field, t->len))
		return false;
	if (field->kind == FIELD_TENANT)
		return text_tenant_name(*t);
	if (field->kind == FIELD_NAME)
		return text_name(*t);
	return text_utf8(t->p, t->len);
}

static bool
map_within(const struct field *field, const struct vault_bytes *b)
{
	struct cursor c = { b->p, b->p + b->len }, head = c;
	uint32_t n;

	return b->len <= (size_t)field->max && cursor_map(&head, &n) && cursor_skip(&c, NULL) &&
	       c.p == c.end && codec_free_form((struct cursor){ b->p, b->p + b->len });
}

static bool
list_within(const struct field *field, const struct object_list *list)
{
	const struct vault_text *texts = list->v;

	if (list->n > field->max_count)
		return false;
	for (size_t i = 0; i < list->n; i++) {
		const struct object_type *type =
			field->kind == FIELD_TEXTS ? NULL : field->object();

		if (type == NULL ? !text_within(field, &texts[i])
				 : !record_within(type, (const uint8_t *)list->v + i * type->size))
			return false;
	}
	return true;
}

static bool
field_within(const struct field *field, const uint8_t *at)
{
	int64_t v;

	switch ((enum field_kind)field->kind) {
	case FIELD_TEXT:
	case FIELD_TENANT:
	case FIELD_NAME:
		return text_within(field, (const void *)at);
	case FIELD_BYTES:
		return length_within(field, ((const struct vault_bytes *)(const void *)at)->len);
	case FIELD_INT:
		memcpy(&v, at, sizeof v); /* of an optional one the value stands first */
		return v >= field->min && v <= field->max;
	case FIELD_ENUM:
		v = *(const int *)(const void *)at;
		return v > 0 && v < field->values->count;
	case FIELD_MAP:
		return map_within(field, (const void *)at);
	case FIELD_TEXTS:
	case FIELD_OBJECTS:
		return list_within(field, (const void *)at);
	default:
		return true;
	}
}

bool
record_within(const struct object_type *type, const void *in)
{
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];
		const uint8_t *at = (const uint8_t *)in + field->offset;

		if (field_set(field, at) && !field_within(field, at))
			return false;
	}
	return true;
}
