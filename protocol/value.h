/*
 * Writing free-form MessagePack values, piece by piece, for those who may not know msgpack-c.
 */
#ifndef PROTOCOL_VALUE_H
#define PROTOCOL_VALUE_H

#include "protocol/codec.h"

void value_map(struct codec_writer *writer, size_t entries);
void value_array(struct codec_writer *writer, size_t elements);
void value_text(struct codec_writer *writer, struct vault_text text);
void value_bytes(struct codec_writer *writer, struct vault_bytes bytes);
void value_int(struct codec_writer *writer, int64_t v);
void value_float(struct codec_writer *writer, double v);
void value_bool(struct codec_writer *writer, bool v);
void value_nil(struct codec_writer *writer);
/* What is encoded already. */
void value_encoded(struct codec_writer *writer, struct cursor encoded);

#endif
