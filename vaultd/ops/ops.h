/*
 * A handler for each row of ops.def: about ten lines, no I/O, no permission check, no commit, no
 * logging. And for what begins on the slow lane, the part that runs there; where only some
 * requests do, slow_ID says on the worker whether this one does, knowing its tenant.
 */
#ifndef OPS_OPS_H
#define OPS_OPS_H

#include "vaultd/core/op.h"

#define HANDLER(id)                                                                                \
	enum vault_err op_##id(struct op *op, const struct id##_req *req, struct id##_res *res);
#define HANDLER_WORKER(id) HANDLER(id)
#define HANDLER_COMMIT(id) HANDLER(id)
#define HANDLER_SLOW(id) HANDLER(id)
#define HANDLER_MAIN(id) HANDLER(id)
#define HANDLER_SLOW_COMMIT(id)                                                                    \
	HANDLER(id) enum vault_err prepare_##id(struct op *op, const struct id##_req *req);
#define HANDLER_PREPARED(id)                                                                       \
	HANDLER_SLOW_COMMIT(id) bool slow_##id(struct op *op, const struct id##_req *req);
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) HANDLER_##lane(id)
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

#undef HANDLER_WORKER
#undef HANDLER_COMMIT
#undef HANDLER_SLOW
#undef HANDLER_MAIN
#undef HANDLER_SLOW_COMMIT
#undef HANDLER_PREPARED
#undef HANDLER

/* What came of something that was due. */
struct due_entry;
struct due_done {
	enum op_id op;	     /* as which it stands in the audit; OP_COUNT: nothing was to be done */
	unsigned wants_bits; /* not yet: an RSA pair of that size is to be prepared; 0: none */
};
/* Does what is due, of any kind, on the committer. The operation's tenant is found here. */
MUST_USE enum vault_err op_due(struct op *op, const struct due_entry *entry, struct due_done *done);

/* A step of whatever is left to be swept, on the committer; core/sweep.h. */
struct sweep_done;
MUST_USE enum vault_err op_sweep(struct op *op, struct sweep_done *done);

#endif
