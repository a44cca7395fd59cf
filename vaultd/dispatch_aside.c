/*
 * What dispatch does beside the pipeline: the daemon's own tasks, and replies to what never came to
 * run.
 */
#include "protocol/codec.h"
#include "protocol/frame.h"
#include "vaultd/dispatch.h"

enum vault_err
dispatch_own(struct runner *runner, struct change *change,
	     enum vault_err (*task)(struct op *op, unsigned part), unsigned part)
{
	static const struct identity nobody = { .uid = UID_NOBODY };
	struct op op = {
		.vault = runner->vault,
		.who = &nobody,
		.now = runner->now,
		.change = change,
		.txn = change->txn,
		.cache = &runner->cache,
		.random = &runner->random,
		.scratch = &runner->scratch,
		.work = &runner->work,
	};
	enum vault_err err;

	cache_next_operation(&runner->cache);
	err = task(&op, part);
	scratch_reset(&runner->scratch, false);
	return err;
}

static void
refuse_with(struct buf *out, uint32_t msgid, enum vault_err err, const struct fail *fail)
{
	size_t before = buf_len(out);
	struct codec_writer writer = { .out = out };

	codec_write_error(&writer, msgid, err, fail);
	if (writer.failed)
		buf_truncate(out, before);
}

void
dispatch_refuse(struct buf *out, uint32_t msgid, enum vault_err err, const char *message)
{
	struct fail fail = { .message = message };

	refuse_with(out, msgid, err, &fail);
}

void
dispatch_limited(struct buf *out, uint32_t msgid, int64_t retry_ms)
{
	struct fail fail = { .retry_after_ms = retry_ms };

	refuse_with(out, msgid, VAULT_LIMITED, &fail);
}
