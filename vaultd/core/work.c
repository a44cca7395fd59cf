#include "vaultd/core/work.h"

void
work_begin(struct work *work, enum op_id op, const char *unit, int64_t since)
{
	work_end(work);
	atomic_store(&work->op, (int)op);
	atomic_store(&work->unit, unit);
	atomic_store(&work->done, 0);
	atomic_store(&work->total, 0);
	atomic_store(&work->since, since);
	atomic_fetch_add(&work->turn, 1);
}

void
work_end(struct work *work)
{
	if (atomic_load(&work->turn) % 2 != 0)
		atomic_fetch_add(&work->turn, 1);
}

bool
work_read(struct work *work, struct work_seen *seen)
{
	uint32_t turn = atomic_load(&work->turn);

	*seen = (struct work_seen){
		.op = (enum op_id)atomic_load(&work->op),
		.unit = atomic_load(&work->unit),
		.done = atomic_load(&work->done),
		.total = atomic_load(&work->total),
		.since = atomic_load(&work->since),
	};
	if (seen->total > 0 && seen->done > seen->total)
		seen->done = seen->total;
	return turn % 2 != 0 && atomic_load(&work->turn) == turn;
}
