/*
 * What a connection does with bytes: scan, frame, and the reader of whatever operation is named.
 * What was read is written and read again, and must say the same.
 */
#include "protocol/frame.h"
#include "protocol/scan.h"
#include "protocol/text.h"
#include "tests/fuzz/seeds.h"
#include "tests/unit/lib/generic.h"

#define SCRATCH_BYTES 65536
#define SCRATCH_LIMIT (4u << 20)
#define SEED_LENGTH 40
#define SEEDS_EACH 4

static struct scratch scratch;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = seeds_directory(*argc, *argv);

	FUZZ_CHECK(scratch_init(&scratch, SCRATCH_BYTES, SCRATCH_LIMIT) == VAULT_OK);
	for (unsigned i = 0; i < OP_COUNT * SEEDS_EACH; i++) {
		const struct op_row *row = &op_rows[i / SEEDS_EACH];
		struct fill fill = { &scratch, (enum fill_mode)(i % SEEDS_EACH),
				     i + 1,    SEED_LENGTH,
				     3,	       2 };
		struct op_common common = { .actor = TEXT_LITERAL("someone") };
		struct buf out = { 0 };
		struct codec_writer writer = { .out = &out };
		union op_request req;

		fill_struct(&fill, row->request(), &req);
		codec_write_request(
			&writer, &(struct codec_request){ .msgid = i,
							  .method = text_of(row->method),
							  .type = row->request(),
							  .fields = &req,
							  .common = i % 2 == 0 ? &common : NULL });
		seed_write(directory, i, &out);
		buf_free(&out);
		scratch_reset(&scratch, false);
	}
	return 0;
}

/* Byte by byte it comes to the same end as at once. */
static enum scan_result
scan_both_ways(const uint8_t *data, size_t size, size_t *len)
{
	struct scan once = { 0 }, drip = { 0 };
	enum scan_result whole = scan_feed(&once, data, size), result = SCAN_SHORT;

	for (size_t n = 0; n <= size && result == SCAN_SHORT; n++)
		result = scan_feed(&drip, data, n);
	FUZZ_CHECK(result == whole);
	FUZZ_CHECK(whole != SCAN_WHOLE || (once.pos == drip.pos && once.pos <= size));
	*len = once.pos;
	return whole;
}

static void
write_and_read_again(const struct object_type *type, const union op_request *req)
{
	struct codec_reader reader = { .mode = CODEC_LENIENT, .scratch = &scratch };
	struct buf out = { 0 };
	struct codec_writer writer = { .out = &out };
	union op_request again;

	codec_write(&writer, type, req);
	FUZZ_CHECK(!writer.failed);
	if (codec_read(&reader, type,
		       (struct cursor){ buf_data(&out), buf_data(&out) + buf_len(&out) },
		       &again) == VAULT_OK)
		FUZZ_CHECK(generic_difference(type, req, &again) == NULL);
	else
		FUZZ_CHECK(scratch.extra > SCRATCH_LIMIT / 2);
	buf_free(&out);
}

static void
read_request(const struct frame *frame)
{
	const struct op_row *row = op_find(frame->method);
	struct fail fail = { 0 };
	struct op_common common;
	union op_request req;
	struct codec_reader reader = { .mode = CODEC_STRICT,
				       .scratch = &scratch,
				       .fail = &fail,
				       .common = op_common_type(),
				       .common_out = &common };
	enum vault_err err;

	if (row == NULL)
		return;
	err = codec_read(&reader, row->request(), frame->params, &req);
	FUZZ_CHECK(err == VAULT_OK || err == VAULT_INVALID_PARAMS || err == VAULT_TOO_LARGE);
	FUZZ_CHECK(text_utf8(fail.field, strlen(fail.field)));
	if (err == VAULT_OK)
		write_and_read_again(row->request(), &req);
	scratch_reset(&scratch, false);
}

/*
 * A client reads a daemon's replies as carefully; which operation they answer is for the message's
 * number to say.
 */
static void
read_reply(const struct frame *frame)
{
	const struct op_row *row = &op_rows[frame->msgid % OP_COUNT];
	struct codec_reader reader = { .mode = CODEC_LENIENT, .scratch = &scratch };
	union op_result res;

	(void)!codec_read(&reader, row->result(), frame->result, &res);
	scratch_reset(&scratch, false);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame;
	enum vault_err err;
	size_t len;

	if (scan_both_ways(data, size, &len) != SCAN_WHOLE)
		return 0;
	err = frame_parse(data, len, &frame);
	FUZZ_CHECK(err == VAULT_OK || err == VAULT_INVALID_REQUEST || err == VAULT_INVALID_PARAMS);
	if (err != VAULT_OK)
		return 0;
	if (frame.type == FRAME_REPLY)
		read_reply(&frame);
	else
		read_request(&frame);
	return 0;
}
