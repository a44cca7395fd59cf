/*
 * Between structs and MessagePack maps, by the descriptors of fields.h. Reading checks every bound
 * that the descriptor gives; what it hands out are views into the bytes read, lists stand in the
 * scratch memory.
 */
#ifndef PROTOCOL_CODEC_H
#define PROTOCOL_CODEC_H

#include "protocol/buf.h"
#include "protocol/cursor.h"
#include "protocol/error.h"
#include "protocol/fields.h"
#include "protocol/scratch.h"

/*
 * Who reads: a daemon refuses what it does not know, a client passes over it so that newer daemons
 * can tell more.
 */
enum codec_mode { CODEC_STRICT, CODEC_LENIENT };

struct codec_reader {
	enum codec_mode mode;
	struct scratch *scratch; /* holds lists and nested structs */
	struct fail *fail;	 /* gets the field and the reason; may be NULL */
	/* Fields that may stand beside those of any request (op_common); NULL for none. */
	const struct object_type *common;
	void *common_out;
	bool partial; /* required fields may be absent: a replayed result tells less */
};

/*
 * Reads the map at params (an empty cursor is an empty map) into the struct that type describes.
 * Errors: VAULT_INVALID_PARAMS (an unknown, duplicate, ill-typed or out-of-range field),
 * VAULT_TOO_LARGE (the scratch memory's limit). On an error *out holds no meaning.
 */
MUST_USE enum vault_err codec_read(const struct codec_reader *reader,
				   const struct object_type *type, struct cursor params, void *out);

/*
 * Checks a whole free-form value: map keys are text, text is UTF-8, no map names a key twice or has
 * more than MAP_ENTRIES_MAX entries, there are no ext types.
 */
#define MAP_ENTRIES_MAX 256
bool codec_free_form(struct cursor c);

/* Appends to a buffer. What is written after a failure counts for nothing. */
struct codec_writer {
	struct buf *out;
	bool failed;	  /* memory was short once */
	uint16_t without; /* fields of any of these flags are left out */
	bool sorted;	  /* free-form maps are written by codec_write_sorted, not as they stand */
};

/*
 * Writes a whole free-form value that codec_free_form took, so that the same value is the same
 * bytes: maps in the order of their keys, heads and integers in their shortest form.
 */
void codec_write_sorted(struct codec_writer *writer, struct cursor c);

/* Writes the struct as a map of the fields that are present. */
void codec_write(struct codec_writer *writer, const struct object_type *type, const void *in);
/* [0, msgid, method, [fields]]: what a client sends. */
struct codec_request {
	uint32_t msgid;
	struct vault_text method;
	const struct object_type *type;
	const void *fields; /* the struct that type describes */
	const void *common; /* struct op_common, or NULL */
};
void codec_write_request(struct codec_writer *writer, const struct codec_request *request);
/* [1, msgid, nil, result] and [1, msgid, error, nil]: what a daemon answers. */
void codec_write_result(struct codec_writer *writer, uint32_t msgid, const struct object_type *type,
			const void *in);
void codec_write_error(struct codec_writer *writer, uint32_t msgid, enum vault_err err,
		       const struct fail *fail);
/* A result that was given before: the map as codec_write wrote it then, and replayed: true. */
void codec_write_replayed(struct codec_writer *writer, uint32_t msgid, struct vault_map result);

#endif
