#include "vaultd/dispatch_table.h"

#include "vaultd/ops/ops.h"

/* Each handler behind one signature, from the list. */
#define RUN(id)                                                                                    \
	static enum vault_err run_##id(struct op *op, const void *req, void *res)                  \
	{                                                                                          \
		return op_##id(op, req, res);                                                      \
	}
#define HANDLER_WORKER(id) RUN(id)
#define HANDLER_COMMIT(id) RUN(id)
#define HANDLER_SLOW(id) RUN(id)
#define HANDLER_MAIN(id) RUN(id)
#define HANDLER_SLOW_COMMIT(id)                                                                    \
	RUN(id)                                                                                    \
	static enum vault_err first_##id(struct op *op, const void *req)                           \
	{                                                                                          \
		return prepare_##id(op, req);                                                      \
	}
#define HANDLER_PREPARED(id)                                                                       \
	HANDLER_SLOW_COMMIT(id)                                                                    \
	static bool goes_slow_##id(struct op *op, const void *req)                                 \
	{                                                                                          \
		return slow_##id(op, req);                                                         \
	}
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

#define HANDLER_WORKER(id)                                                                         \
	{                                                                                          \
		run_##id, NULL, NULL                                                               \
	}
#define HANDLER_COMMIT(id)                                                                         \
	{                                                                                          \
		run_##id, NULL, NULL                                                               \
	}
#define HANDLER_SLOW(id)                                                                           \
	{                                                                                          \
		run_##id, NULL, NULL                                                               \
	}
#define HANDLER_MAIN(id)                                                                           \
	{                                                                                          \
		run_##id, NULL, NULL                                                               \
	}
#define HANDLER_SLOW_COMMIT(id)                                                                    \
	{                                                                                          \
		run_##id, first_##id, NULL                                                         \
	}
#define HANDLER_PREPARED(id)                                                                       \
	{                                                                                          \
		run_##id, first_##id, goes_slow_##id                                               \
	}
static const struct handler handlers[OP_COUNT] = {
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary)                           \
	[OP_##id] = HANDLER_##lane(id),
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"
};

const struct handler *
handler_of(enum op_id id)
{
	return &handlers[id];
}
