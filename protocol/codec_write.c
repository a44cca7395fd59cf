#include <msgpack/pack.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/frame.h"
#include "protocol/ops.h"
#include "protocol/text.h"

static void write_object(msgpack_packer *pk, const struct object_type *type, const uint8_t *in);

static int
sink_write(void *data, const char *p, size_t n)
{
	struct codec_writer *writer = data;

	if (!writer->failed && !writer->sink(writer->into, p, n))
		writer->failed = true;
	return 0;
}

static msgpack_packer
packer(struct codec_writer *writer)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, writer, sink_write);
	return pk;
}

static void
write_str(msgpack_packer *pk, struct vault_text t)
{
	msgpack_pack_str(pk, t.len);
	msgpack_pack_str_body(pk, t.p, t.len);
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
write_list(msgpack_packer *pk, const struct field *field, const uint8_t *at)
{
	const struct object_list *list = (const void *)at;

	msgpack_pack_array(pk, list->n);
	for (size_t i = 0; i < list->n; i++) {
		if (field->kind == FIELD_TEXTS)
			write_str(pk, ((const struct vault_text *)list->v)[i]);
		else if (field->kind == FIELD_INTS)
			msgpack_pack_int64(pk, ((const int64_t *)list->v)[i]);
		else
			write_object(pk, field->object(),
				     (const uint8_t *)list->v + i * field->object()->size);
	}
}

static void
write_value(msgpack_packer *pk, const struct field *field, const uint8_t *at)
{
	struct vault_bytes bytes;
	struct vault_text text;
	const uint8_t *object;
	int64_t integer;
	int number;
	bool flag;

	switch ((enum field_kind)field->kind) {
	case FIELD_TEXT:
	case FIELD_TENANT:
	case FIELD_NAME:
		memcpy(&text, at, sizeof text);
		write_str(pk, text);
		return;
	case FIELD_BYTES:
		memcpy(&bytes, at, sizeof bytes);
		msgpack_pack_bin(pk, bytes.len);
		msgpack_pack_bin_body(pk, bytes.p, bytes.len);
		return;
	case FIELD_INT:
		memcpy(&integer, at, sizeof integer);
		msgpack_pack_int64(pk, integer);
		return;
	case FIELD_BOOL:
		memcpy(&flag, at, sizeof flag);
		if (flag)
			msgpack_pack_true(pk);
		else
			msgpack_pack_false(pk);
		return;
	case FIELD_ENUM:
		memcpy(&number, at, sizeof number);
		if (number > 0 && number < field->values->count)
			write_str(pk, text_of(field->values->names[number]));
		else
			msgpack_pack_nil(pk);
		return;
	case FIELD_TEXTS:
	case FIELD_INTS:
	case FIELD_OBJECTS:
		write_list(pk, field, at);
		return;
	case FIELD_MAP:
		memcpy(&bytes, at, sizeof bytes);
		if (((struct codec_writer *)pk->data)->sorted)
			codec_write_sorted(pk->data,
					   (struct cursor){ bytes.p, bytes.p + bytes.len });
		else
			sink_write(pk->data, (const char *)bytes.p, bytes.len);
		return;
	case FIELD_OBJECT:
		memcpy(&object, at, sizeof object);
		write_object(pk, field->object(), object);
		return;
	}
}

static uint16_t
left_out(const msgpack_packer *pk)
{
	return ((const struct codec_writer *)pk->data)->without;
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
write_members(msgpack_packer *pk, const struct object_type *type, const uint8_t *in)
{
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];

		if (!present(field, in + field->offset, left_out(pk)))
			continue;
		write_str(pk, (struct vault_text){ field->name, field->name_len });
		write_value(pk, field, in + field->offset);
	}
}

static void
write_object(msgpack_packer *pk, const struct object_type *type, const uint8_t *in)
{
	msgpack_pack_map(pk, count_present(type, in, left_out(pk)));
	write_members(pk, type, in);
}

void
codec_write(struct codec_writer *writer, const struct object_type *type, const void *in)
{
	msgpack_packer pk = packer(writer);

	write_object(&pk, type, in);
}

void
codec_write_request(struct codec_writer *writer, const struct codec_request *request)
{
	msgpack_packer pk = packer(writer);
	size_t n = count_present(request->type, request->fields, writer->without);

	if (request->common != NULL)
		n += count_present(op_common_type(), request->common, writer->without);
	msgpack_pack_array(&pk, 4);
	msgpack_pack_int(&pk, FRAME_REQUEST);
	msgpack_pack_uint32(&pk, request->msgid);
	write_str(&pk, request->method);
	msgpack_pack_array(&pk, 1);
	msgpack_pack_map(&pk, n);
	write_members(&pk, request->type, request->fields);
	if (request->common != NULL)
		write_members(&pk, op_common_type(), request->common);
}

static msgpack_packer
reply_head(struct codec_writer *writer, uint32_t msgid)
{
	msgpack_packer pk = packer(writer);

	msgpack_pack_array(&pk, 4);
	msgpack_pack_int(&pk, FRAME_REPLY);
	msgpack_pack_uint32(&pk, msgid);
	return pk;
}

void
codec_write_result(struct codec_writer *writer, uint32_t msgid, const struct object_type *type,
		   const void *in)
{
	msgpack_packer pk = reply_head(writer, msgid);

	msgpack_pack_nil(&pk);
	write_object(&pk, type, in);
}

void
codec_write_replayed(struct codec_writer *writer, uint32_t msgid, struct vault_map result)
{
	msgpack_packer pk = reply_head(writer, msgid);
	struct cursor members = { result.p, result.p + result.len };
	uint32_t n = 0;

	msgpack_pack_nil(&pk);
	if (result.p != NULL && !cursor_map(&members, &n))
		writer->failed = true;
	msgpack_pack_map(&pk, (size_t)n + 1);
	sink_write(writer, (const char *)members.p, (size_t)(members.end - members.p));
	write_str(&pk, TEXT_LITERAL("replayed"));
	msgpack_pack_true(&pk);
}

void
codec_write_error(struct codec_writer *writer, uint32_t msgid, enum vault_err err,
		  const struct fail *fail)
{
	msgpack_packer pk = reply_head(writer, msgid);
	const char *message =
		fail != NULL && fail->message != NULL ? fail->message : vault_err_message(err);
	bool with_field = fail != NULL && fail->field[0] != '\0';
	bool with_retry = fail != NULL && fail->retry_after_ms > 0;

	msgpack_pack_map(&pk, 2u + with_field + with_retry);
	write_str(&pk, TEXT_LITERAL("code"));
	write_str(&pk, text_of(vault_err_code(err)));
	write_str(&pk, TEXT_LITERAL("message"));
	write_str(&pk, text_of(message));
	if (with_field) {
		write_str(&pk, TEXT_LITERAL("field"));
		write_str(&pk, text_of(fail->field));
	}
	if (with_retry) {
		write_str(&pk, TEXT_LITERAL("retry_after_ms"));
		msgpack_pack_int64(&pk, fail->retry_after_ms);
	}
	msgpack_pack_nil(&pk);
}
