#include "tools/vaultctl/progress.h"

#include <stdio.h>

#include "protocol/text.h"

#define LOOK_MS 250	    /* between two questions */
#define STATUS_WAIT_MS 2000 /* for the answer to one: it must not hold up the answer that counts */

struct watch {
	struct ctl *ctl;
	const struct op_row *row;
	struct vault *status;  /* NULL: not there yet, or not to be asked */
	bool silent;	       /* it cannot be asked */
	bool looked;	       /* once at least */
	enum op_id shown_work; /* OP_COUNT: none */
};

static bool
runs_slowly(const struct op_row *row)
{
	return row != NULL && (row->lane == LANE_SLOW || row->lane == LANE_SLOW_COMMIT);
}

const struct vault_work_status *
progress_of(const struct vault_sys_status_res *status, struct vault_text method)
{
	for (size_t i = 0; i < status->work.n; i++)
		if (text_equal(status->work.v[i].method, method))
			return &status->work.v[i];
	return NULL;
}

/* What the slow lane is at instead, one request at a time; NULL: nothing. */
static const struct vault_work_status *
work_before(const struct watch *watch, const struct vault_sys_status_res *status)
{
	if (!runs_slowly(watch->row))
		return NULL;
	for (size_t i = 0; i < status->work.n; i++)
		if (runs_slowly(op_find(status->work.v[i].method)))
			return &status->work.v[i];
	return NULL;
}

/* Whoever may not ask is not refused again and again, for each refusal is on record. */
static bool
ask(struct watch *watch, struct vault_sys_status_res *res)
{
	const struct vault_options options = { .timeout_ms = STATUS_WAIT_MS, .client = "vaultctl" };
	struct vault_sys_status_req req = { 0 };

	if (watch->silent)
		return false;
	if (watch->status == NULL)
		watch->silent =
			vault_open(watch->ctl->socket, &options, &watch->status) != VAULT_OK;
	if (!watch->silent)
		watch->silent = vault_sys_status(watch->status, &req, res) != VAULT_OK;
	return !watch->silent;
}

/* Another work than before is measured from now on. */
static void
name_bar(struct watch *watch, const struct vault_work_status *work)
{
	struct vault_text method = text_of(watch->row->method);
	const struct op_row *row = work == NULL ? NULL : op_find(work->method);
	enum op_id id = row == NULL ? OP_COUNT : row->id;
	struct bar *bar = &watch->ctl->bar;
	char label[BAR_LABEL_MAX];

	if (work == NULL || text_equal(work->method, method))
		snprintf(label, sizeof label, "%s", watch->row->method);
	else
		snprintf(label, sizeof label, "%s waits for %.*s", watch->row->method,
			 (int)work->method.len, work->method.p);
	bar_name(bar, text_of(label), work == NULL ? TEXT_LITERAL("") : work->unit);
	/* What is its own from the first look on began when it was called. */
	if (work != NULL && id != watch->shown_work && (watch->looked || id != watch->row->id))
		bar_restart(bar, (uint64_t)work->done);
	watch->shown_work = id;
	watch->looked = true;
}

static void
look(struct watch *watch)
{
	struct vault_sys_status_res status;
	const struct vault_work_status *work = NULL;
	struct bar_at at = { 0 };

	if (ask(watch, &status)) {
		work = progress_of(&status, text_of(watch->row->method));
		if (work == NULL)
			work = work_before(watch, &status);
	}
	if (work != NULL) {
		at.done = (uint64_t)work->done;
		at.total = work->total.set ? (uint64_t)work->total.v : 0;
	}
	name_bar(watch, work);
	bar_show(&watch->ctl->bar, &at);
}

enum vault_err
progress_wait(struct ctl *ctl, const struct op_row *row, struct vault *vault, uint32_t msgid)
{
	struct watch watch = { .ctl = ctl, .row = row, .shown_work = OP_COUNT };
	int64_t end = bar_now_ms() + ctl_timeout_ms(ctl, row);
	enum vault_err err = VAULT_OK;
	int wait = BAR_AFTER_MS;
	bool arrived = false;

	ctl_bar(ctl, row->method, NULL);
	while (ctl->bar.shown && err == VAULT_OK && !arrived && bar_now_ms() < end) {
		err = vault_wait(vault, msgid, wait, &arrived);
		if (err == VAULT_OK && !arrived)
			look(&watch);
		wait = LOOK_MS;
	}
	/* Receiving is not given as long once more. */
	if (bar_now_ms() >= end)
		vault_set_timeout(vault, 1);
	bar_end(&ctl->bar);
	vault_close(watch.status);
	return err;
}

enum vault_err
progress_call(struct ctl *ctl, const struct op_row *row, struct vault *vault,
	      struct vault_map params, struct vault_bytes *result)
{
	uint32_t msgid;
	enum vault_err err;

	if (!ctl_takes_long(row))
		return vault_call(vault, row->method, params, result);
	err = vault_send(vault, row->method, params, &msgid);
	if (err != VAULT_OK)
		return err;
	err = progress_wait(ctl, row, vault, msgid);
	return err != VAULT_OK ? err : vault_receive(vault, msgid, result);
}
