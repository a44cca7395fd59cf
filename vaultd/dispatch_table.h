/*
 * The handlers of ops.def's rows behind one signature.
 */
#ifndef VAULTD_DISPATCH_TABLE_H
#define VAULTD_DISPATCH_TABLE_H

#include "vaultd/core/op.h"

/* prepare: the part that runs on the slow lane, of what has one. */
struct handler {
	enum vault_err (*run)(struct op *op, const void *req, void *res);
	enum vault_err (*prepare)(struct op *op, const void *req);
	bool (*goes_slow)(struct op *op, const void *req); /* LANE_PREPARED */
};

const struct handler *handler_of(enum op_id id);

#endif
