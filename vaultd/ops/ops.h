/*
 * A handler for each row of ops.def: about ten lines, no I/O, no permission check, no commit, no
 * logging. And for what begins on the slow lane, the part that runs there.
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
#define HANDLER_LATER(id)
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) HANDLER_##lane(id)
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

#undef HANDLER_WORKER
#undef HANDLER_COMMIT
#undef HANDLER_SLOW
#undef HANDLER_MAIN
#undef HANDLER_SLOW_COMMIT
#undef HANDLER_LATER
#undef HANDLER

#endif
