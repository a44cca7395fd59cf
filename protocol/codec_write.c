/*
 * Written by hand where a library would be called back for each piece: a reply is a handful of
 * known names and values, and goes into its buffer in a few stores.
 */
#include <endian.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/frame.h"
#include "protocol/ops.h"
#include "protocol/text.h"

#define HEAD_MAX 9 /* bytes of a value's head, or of a whole number */

/* The first bytes of a type's forms: with the length inside (fix, up to few), and behind it. */
struct form {
	uint8_t fix, few;
	uint8_t wide; /* a length of two bytes; of four in the next */
	uint8_t byte; /* a length of one byte; 0 where there is no such form */
};
static const struct form str_form = { 0xa0, 31, 0xda, 0xd9 };
static const struct form bin_form = { 0, 0, 0xc5, 0xc4 };
static const struct form array_form = { 0x90, 15, 0xdc, 0 };
static const struct form map_form = { 0x80, 15, 0xde, 0 };

_Static_assert(sizeof(struct vault_text) == sizeof(struct vault_bytes) &&
		       offsetof(struct vault_text, len) == offsetof(struct vault_bytes, len),
	       "a text may be read as bytes");

static void write_object(struct codec_writer *w, const struct object_type *type, const uint8_t *in);

/* Where n more bytes may be written; NULL once memory was short. */
static inline uint8_t *
room(struct codec_writer *w, size_t n)
{
	if (w->failed || buf_reserve(w->out, n) != VAULT_OK) {
		w->failed = true;
		return NULL;
	}
	return w->out->p + w->out->tail;
}

/* Takes what was written up to end. */
static inline void
written(struct codec_writer *w, const uint8_t *end)
{
	w->out->tail = (size_t)(end - w->out->p);
}

/* A first byte and, behind it, the low size bytes of v, big-endian; returns where they end. */
static inline uint8_t *
put_number(uint8_t *p, uint8_t first, uint64_t v, unsigned size)
{
	uint64_t big = htobe64(v << (64 - 8 * size));

	p[0] = first;
	memcpy(p + 1, &big, sizeof big);
	return p + 1 + size;
}

/* n is below 2^32: buffers are. */
static inline uint8_t *
put_head(uint8_t *p, const struct form *form, size_t n)
{
	if (form->few > 0 && n <= form->few) {
		*p = (uint8_t)(form->fix | n);
		return p + 1;
	}
	if (form->byte != 0 && n <= UINT8_MAX)
		return put_number(p, form->byte, n, 1);
	if (n <= UINT16_MAX)
		return put_number(p, form->wide, n, 2);
	return put_number(p, form->wide + 1, n, 4);
}

/* In the fewest bytes. */
static inline uint8_t *
put_int(uint8_t *p, int64_t v)
{
	if (v >= -32 && v <= INT8_MAX) {
		*p = (uint8_t)v;
		return p + 1;
	}
	if (v >= 0) {
		unsigned width = v <= UINT8_MAX ? 0 : v <= UINT16_MAX ? 1 : v <= UINT32_MAX ? 2 : 3;

		return put_number(p, (uint8_t)(0xcc + width), (uint64_t)v, 1u << width);
	}
	if (v >= INT8_MIN)
		return put_number(p, 0xd0, (uint64_t)v, 1);
	if (v >= INT16_MIN)
		return put_number(p, 0xd1, (uint64_t)v, 2);
	return v >= INT32_MIN ? put_number(p, 0xd2, (uint64_t)v, 4)
			      : put_number(p, 0xd3, (uint64_t)v, 8);
}

static void
write_head(struct codec_writer *w, const struct form *form, size_t n)
{
	uint8_t *p = room(w, HEAD_MAX);

	if (p != NULL)
		written(w, put_head(p, form, n));
}

static inline void
write_payload(struct codec_writer *w, const struct form *form, const void *bytes, size_t n)
{
	uint8_t *p = room(w, HEAD_MAX + n);

	if (p == NULL)
		return;
	p = put_head(p, form, n);
	if (n > 0)
		memcpy(p, bytes, n);
	written(w, p + n);
}

static void
write_str(struct codec_writer *w, struct vault_text t)
{
	write_payload(w, &str_form, t.p, t.len);
}

static void
write_int(struct codec_writer *w, int64_t v)
{
	uint8_t *p = room(w, HEAD_MAX);

	if (p != NULL)
		written(w, put_int(p, v));
}

/* nil, true, false; or bytes that are encoded already. */
static void
write_encoded(struct codec_writer *w, const void *bytes, size_t n)
{
	uint8_t *p = bytes == NULL ? NULL : room(w, n);

	if (p == NULL)
		return;
	memcpy(p, bytes, n);
	written(w, p + n);
}

static void
write_nil(struct codec_writer *w)
{
	write_encoded(w, &(uint8_t){ 0xc0 }, 1);
}

/* A pointer is the first member of every type whose absence is a NULL pointer. */
static bool
pointer_set(const uint8_t *at)
{
	const void *p;

	memcpy(&p, at, sizeof p);
	return p != NULL;
}

static bool
present(const struct field *field, const uint8_t *at, uint16_t without)
{
	if ((field->flags & without) != 0)
		return false;
	if (field->required)
		return true;
	switch (field->kind) {
	case FIELD_INT:
		return ((const struct vault_opt_int *)(const void *)at)->set;
	case FIELD_BOOL:
		return ((const struct vault_opt_bool *)(const void *)at)->set;
	case FIELD_ENUM:
		return ((const struct vault_opt_enum *)(const void *)at)->set;
	default:
		return pointer_set(at);
	}
}

static void
write_list(struct codec_writer *w, const struct field *field, const uint8_t *at)
{
	const struct object_list *list = (const void *)at;

	write_head(w, &array_form, list->n);
	for (size_t i = 0; i < list->n; i++) {
		if (field->kind == FIELD_TEXTS)
			write_str(w, ((const struct vault_text *)list->v)[i]);
		else if (field->kind == FIELD_INTS)
			write_int(w, ((const int64_t *)list->v)[i]);
		else
			write_object(w, field->object(),
				     (const uint8_t *)list->v + i * field->object()->size);
	}
}

/* A field's name, and room for a value's head and for n bytes more; NULL once memory was short. */
static inline uint8_t *
put_key(struct codec_writer *w, const struct field *field, size_t n)
{
	uint8_t *p = room(w, sizeof field->key + HEAD_MAX + n);

	if (p == NULL)
		return NULL;
	/* Copied whole, which is quicker than by its length. */
	memcpy(p, &field->key, sizeof field->key);
	return p + 1 + field->name_len;
}

static inline void
member_payload(struct codec_writer *w, const struct field *field, const struct form *form,
	       const uint8_t *at)
{
	struct vault_bytes bytes; /* or a text: both are a pointer and a length */
	uint8_t *p;

	memcpy(&bytes, at, sizeof bytes);
	p = put_key(w, field, bytes.len);
	if (p == NULL)
		return;
	p = put_head(p, form, bytes.len);
	if (bytes.len > 0)
		memcpy(p, bytes.p, bytes.len);
	written(w, p + bytes.len);
}

static inline void
member_int(struct codec_writer *w, const struct field *field, const uint8_t *at)
{
	uint8_t *p = put_key(w, field, 0);
	int64_t v;

	memcpy(&v, at, sizeof v);
	if (p != NULL)
		written(w, put_int(p, v));
}

/* What stands under a field's name, where that is not a mere text, bytes or number. */
static void
write_value(struct codec_writer *w, const struct field *field, const uint8_t *at)
{
	struct vault_bytes bytes;
	const uint8_t *object;
	int number;
	bool flag;

	switch ((enum field_kind)field->kind) {
	case FIELD_BOOL:
		memcpy(&flag, at, sizeof flag);
		write_encoded(w, &(uint8_t){ flag ? 0xc3 : 0xc2 }, 1);
		return;
	case FIELD_ENUM:
		memcpy(&number, at, sizeof number);
		if (number > 0 && number < field->values->count)
			write_str(w, text_of(field->values->names[number]));
		else
			write_nil(w);
		return;
	case FIELD_MAP:
		memcpy(&bytes, at, sizeof bytes);
		if (w->sorted)
			codec_write_sorted(w, (struct cursor){ bytes.p, bytes.p + bytes.len });
		else
			write_encoded(w, bytes.p, bytes.len);
		return;
	case FIELD_OBJECT:
		memcpy(&object, at, sizeof object);
		write_object(w, field->object(), object);
		return;
	default:
		write_list(w, field, at);
		return;
	}
}

static void
write_member(struct codec_writer *w, const struct field *field, const uint8_t *at)
{
	uint8_t *p;

	if (field->kind <= FIELD_NAME) {
		member_payload(w, field, &str_form, at);
	} else if (field->kind == FIELD_BYTES) {
		member_payload(w, field, &bin_form, at);
	} else if (field->kind == FIELD_INT) {
		member_int(w, field, at);
	} else {
		p = put_key(w, field, 0);
		if (p == NULL)
			return;
		written(w, p);
		write_value(w, field, at);
	}
}

static size_t
count_present(const struct object_type *type, const uint8_t *in, uint16_t without)
{
	size_t n = 0;

	for (unsigned i = 0; i < type->count; i++)
		n += present(&type->fields[i], in + type->fields[i].offset, without);
	return n;
}

static void
write_members(struct codec_writer *w, const struct object_type *type, const uint8_t *in)
{
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];

		if (present(field, in + field->offset, w->without))
			write_member(w, field, in + field->offset);
	}
}

static void
write_object(struct codec_writer *w, const struct object_type *type, const uint8_t *in)
{
	write_head(w, &map_form, count_present(type, in, w->without));
	write_members(w, type, in);
}

void
codec_write(struct codec_writer *writer, const struct object_type *type, const void *in)
{
	write_object(writer, type, in);
}

/* [type, msgid, ... */
static void
write_frame(struct codec_writer *w, enum frame_type type, uint32_t msgid)
{
	uint8_t *p = room(w, 3 * HEAD_MAX);

	if (p == NULL)
		return;
	p = put_head(p, &array_form, 4);
	p = put_int(p, type);
	written(w, put_int(p, msgid));
}

void
codec_write_request(struct codec_writer *writer, const struct codec_request *request)
{
	size_t n = count_present(request->type, request->fields, writer->without);

	if (request->common != NULL)
		n += count_present(op_common_type(), request->common, writer->without);
	write_frame(writer, FRAME_REQUEST, request->msgid);
	write_str(writer, request->method);
	write_head(writer, &array_form, 1);
	write_head(writer, &map_form, n);
	write_members(writer, request->type, request->fields);
	if (request->common != NULL)
		write_members(writer, op_common_type(), request->common);
}

void
codec_write_result(struct codec_writer *writer, uint32_t msgid, const struct object_type *type,
		   const void *in)
{
	write_frame(writer, FRAME_REPLY, msgid);
	write_nil(writer);
	write_object(writer, type, in);
}

static void
write_entry(struct codec_writer *w, const char *name, const char *text)
{
	write_str(w, text_of(name));
	write_str(w, text_of(text));
}

void
codec_write_replayed(struct codec_writer *writer, uint32_t msgid, struct vault_map result)
{
	struct cursor members = { result.p, result.p + result.len };
	uint32_t n = 0;

	write_frame(writer, FRAME_REPLY, msgid);
	write_nil(writer);
	if (result.p != NULL && !cursor_map(&members, &n))
		writer->failed = true;
	write_head(writer, &map_form, (size_t)n + 1);
	write_encoded(writer, members.p, (size_t)(members.end - members.p));
	write_str(writer, TEXT_LITERAL("replayed"));
	write_encoded(writer, &(uint8_t){ 0xc3 }, 1);
}

void
codec_write_error(struct codec_writer *writer, uint32_t msgid, enum vault_err err,
		  const struct fail *fail)
{
	const char *message =
		fail != NULL && fail->message != NULL ? fail->message : vault_err_message(err);
	bool with_field = fail != NULL && fail->field[0] != '\0';
	bool with_retry = fail != NULL && fail->retry_after_ms > 0;

	write_frame(writer, FRAME_REPLY, msgid);
	write_head(writer, &map_form, 2u + with_field + with_retry);
	write_entry(writer, "code", vault_err_code(err));
	write_entry(writer, "message", message);
	if (with_field)
		write_entry(writer, "field", fail->field);
	if (with_retry) {
		write_str(writer, TEXT_LITERAL("retry_after_ms"));
		write_int(writer, fail->retry_after_ms);
	}
	write_nil(writer);
}
