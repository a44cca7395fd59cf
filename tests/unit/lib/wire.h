/*
 * What the protocol's tests share: every struct that travels, random MessagePack in every encoding,
 * and messages with one field's value exchanged.
 */
#ifndef TEST_WIRE_H
#define TEST_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/buf.h"
#include "protocol/codec.h"
#include "protocol/ops.h"
#include "protocol/text.h"
#include "protocol/value.h"
#include "tests/unit/lib/generic.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)

/* Requests first, then what stands in replies. */
#define WIRE_REQUESTS (OP_COUNT + 1)
extern const struct object_type *(*const wire_types[])(void);
extern const size_t wire_types_count;

static inline struct vault_bytes
wire_bytes(const struct buf *b)
{
	return (struct vault_bytes){ buf_data(b), buf_len(b) };
}
static inline struct cursor
wire_cursor(const struct buf *b)
{
	return (struct cursor){ buf_data(b), buf_data(b) + buf_len(b) };
}
static inline struct codec_writer
wire_writer(struct buf *b)
{
	return (struct codec_writer){ .out = b };
}

/*
 * Appends one random value of at most depth nested containers, each length in any of its encodings.
 */
void wire_random(struct buf *out, uint64_t *seed, unsigned depth);

/*
 * Writes the struct; then the same map with one field's value exchanged (and added where it was not
 * there).
 */
void wire_write(struct buf *out, const struct object_type *type, const void *in);
void wire_exchange(struct buf *out, const struct buf *map, const char *field,
		   const struct buf *value);
/* The same map with one more entry at its end. */
void wire_add(struct buf *out, const struct buf *map, struct vault_text name,
	      const struct buf *value);

/* Reads a map strictly; fail and out may be looked at until the scratch is reset. */
enum vault_err wire_read(const struct object_type *type, const struct buf *map,
			 struct scratch *scratch, struct fail *fail, void *out);

#endif
