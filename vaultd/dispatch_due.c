/*
 * What the daemon does on its own because its time has come: no request, no policy, but the same
 * handlers' work, one change and one record each.
 */
#include <unistd.h>

#include "protocol/text.h"
#include "vaultd/core/sweep.h"
#include "vaultd/dispatch.h"
#include "vaultd/ops/ops.h"

#define ACTOR "schedule" /* for whom, in the audit, beside the daemon's own uid and pid */

static struct op
op_of(struct runner *runner, struct session *self, struct txn *txn)
{
	self->who = (struct identity){ .uid = runner->vault->settings.owner_uid,
				       .gid = getgid(),
				       .pid = getpid() };
	cache_next_operation(&runner->cache);
	return (struct op){
		.vault = runner->vault,
		.who = &self->who,
		.session = self,
		.now = runner->now,
		.txn = txn,
		.cache = &runner->cache,
		.random = &runner->random,
		.scratch = &runner->scratch,
		.work = &runner->work,
		.common = { .actor = TEXT_LITERAL(ACTOR) },
	};
}

/* A failure stands in the audit as that of the rotation, which nearly all entries are for. */
static enum vault_err
record(struct runner *runner, struct op *op, enum op_id id, enum vault_err err)
{
	const struct target none = { 0 };
	struct audit_record rec;

	op->row = &op_rows[id];
	record_of(op, &none, err, &rec);
	return audit_batch_add(&runner->audit, &rec);
}

enum vault_err
dispatch_due_next(struct runner *runner, struct txn *txn, const uint8_t *after,
		  struct due_entry *entry)
{
	struct session self = { 0 };
	struct op op = op_of(runner, &self, txn);
	enum vault_err err = due_next(&op, after, entry);

	scratch_reset(&runner->scratch, false);
	return err;
}

void
dispatch_due(struct runner *runner, struct due_call *call)
{
	struct session self = { 0 };
	struct op op = op_of(runner, &self, call->change->txn);
	struct due_done done;

	op.change = call->change;
	op.prepared = call->prepared;
	call->result = op_due(&op, call->entry, &done);
	if (call->result == VAULT_OK && done.op != OP_COUNT)
		call->result = record(runner, &op, done.op, VAULT_OK);
	call->effects = call->result == VAULT_OK ? op.effects : (struct op_effects){ 0 };
	call->wants_bits = call->result == VAULT_OK ? done.wants_bits : 0;
	scratch_reset(&runner->scratch, true);
}

void
dispatch_due_failed(struct runner *runner, struct due_call *call)
{
	enum vault_err why = call->result;
	struct session self = { 0 };
	struct op op = op_of(runner, &self, call->change->txn);

	op.change = call->change;
	op.note.target = call->entry->target;
	call->effects = (struct op_effects){ 0 };
	call->result = VAULT_OK;
	/* One whose pair was made meanwhile has been postponed already. */
	if (call->entry->place.kind != 0)
		call->result = due_postpone(&op, call->entry, op.now.wall + DUE_RETRY_SECONDS);
	if (call->result == VAULT_OK)
		call->result = record(runner, &op, OP_key_rotate, why);
	scratch_reset(&runner->scratch, true);
}

void
dispatch_sweep(struct runner *runner, struct sweep_call *call)
{
	struct session self = { 0 };
	struct op op = op_of(runner, &self, call->change->txn);
	struct sweep_done done;

	op.change = call->change;
	call->result = op_sweep(&op, &done);
	if (call->result == VAULT_OK && done.finished != OP_COUNT)
		call->result = record(runner, &op, done.finished, VAULT_OK);
	call->effects = call->result == VAULT_OK ? op.effects : (struct op_effects){ 0 };
	call->more = done.more;
	call->rest = done.rest;
	call->scrub = done.scrub;
	scratch_reset(&runner->scratch, true);
}
