#include "protocol/value.h"

#include <msgpack/pack.h>

static int
value_write(void *data, const char *p, size_t n)
{
	struct codec_writer *writer = data;

	if (!writer->failed && buf_append(writer->out, p, n) != VAULT_OK)
		writer->failed = true;
	return 0;
}

static msgpack_packer
value_packer(struct codec_writer *writer)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, writer, value_write);
	return pk;
}

void
value_map(struct codec_writer *writer, size_t entries)
{
	msgpack_packer pk = value_packer(writer);

	msgpack_pack_map(&pk, entries);
}

void
value_array(struct codec_writer *writer, size_t elements)
{
	msgpack_packer pk = value_packer(writer);

	msgpack_pack_array(&pk, elements);
}

void
value_text(struct codec_writer *writer, struct vault_text text)
{
	msgpack_packer pk = value_packer(writer);

	msgpack_pack_str(&pk, text.len);
	msgpack_pack_str_body(&pk, text.p, text.len);
}

void
value_bytes(struct codec_writer *writer, struct vault_bytes bytes)
{
	msgpack_packer pk = value_packer(writer);

	msgpack_pack_bin(&pk, bytes.len);
	msgpack_pack_bin_body(&pk, bytes.p, bytes.len);
}

void
value_int(struct codec_writer *writer, int64_t v)
{
	msgpack_packer pk = value_packer(writer);

	msgpack_pack_int64(&pk, v);
}

void
value_float(struct codec_writer *writer, double v)
{
	msgpack_packer pk = value_packer(writer);

	msgpack_pack_double(&pk, v);
}

void
value_bool(struct codec_writer *writer, bool v)
{
	msgpack_packer pk = value_packer(writer);

	if (v)
		msgpack_pack_true(&pk);
	else
		msgpack_pack_false(&pk);
}

void
value_nil(struct codec_writer *writer)
{
	msgpack_packer pk = value_packer(writer);

	msgpack_pack_nil(&pk);
}

void
value_encoded(struct codec_writer *writer, struct cursor encoded)
{
	(void)value_write(writer, (const char *)encoded.p, (size_t)(encoded.end - encoded.p));
}
