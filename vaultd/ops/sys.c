#include "protocol/text.h"
#include "vaultd/core/check.h"
#include "vaultd/core/session.h"
#include "vaultd/core/scrub.h"
#include "vaultd/core/tenant_erase.h"
#include "vaultd/ops/ops.h"

#define PROTOCOL_VERSION 1

static bool
speaks(const struct vault_ints *versions, int64_t version)
{
	for (size_t i = 0; i < versions->n; i++)
		if (versions->v[i] == version)
			return true;
	return versions->v == NULL;
}

enum vault_err
op_sys_hello(struct op *op, const struct sys_hello_req *req, struct sys_hello_res *res)
{
	static const struct wire_limits limits = { FRAME_MAX, DEPTH_MAX, IN_FLIGHT_MAX };
	enum vault_state state = vault_state(op->vault);

	if (!speaks(&req->protocol, PROTOCOL_VERSION))
		return op_fail(op, VAULT_UNSUPPORTED, "protocol", "this daemon speaks protocol 1");
	res->server = TEXT_LITERAL("vaultd");
	res->version = text_of(op->vault->settings.version);
	res->protocol = PROTOCOL_VERSION;
	res->sealed = state != STATE_OPEN;
	res->initialized = state != STATE_UNINITIALIZED;
	res->limits = &limits;
	return principal_of(op, &res->principal);
}

enum vault_err
op_sys_ping(struct op *op, const struct sys_ping_req *req, struct sys_ping_res *res)
{
	(void)req;
	res->time = op->now.wall;
	return VAULT_OK;
}

static enum vault_err
store_id(struct op *op, struct vault_text *out)
{
	uint8_t id[STORE_ID_BYTES];
	char text[STORE_ID_TEXT];
	enum vault_err err = keyring_store_id(op->txn, id);

	*out = TEXT_LITERAL("");
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	store_id_text(id, text);
	return op_keep_text(op, text_of(text), out);
}

/* While open: before that nobody can tell whether it is this store's. */
static enum vault_err
anchor_health(struct op *op, const struct anchor_health **out)
{
	struct anchor_health *health = scratch_alloc(op->scratch, sizeof *health);
	struct anchor_status status;
	int64_t age;

	if (health == NULL)
		return VAULT_BUSY;
	anchor_status(&op->vault->anchor, &status);
	age = op->now.wall - status.time_ns / 1000000000;
	*health = (struct anchor_health){ status.ok, (int64_t)status.revision,
					  status.there && age > 0 ? age : 0 };
	*out = health;
	return VAULT_OK;
}

/* Told while there is any. */
static enum vault_err
background(struct op *op, const struct background_work **out)
{
	struct background_work *work = scratch_alloc(op->scratch, sizeof *work);
	uint64_t rekeys;

	if (work == NULL)
		return VAULT_BUSY;
	TRY(row_kind_count(op->txn, 0, ROW_REKEY, &rekeys));
	TRY(tenant_erase_count(op, &work->erasures));
	TRY(scrub_wanted(op, &work->scrub));
	work->rekeys = (int64_t)rekeys;
	if (work->rekeys > 0 || work->erasures > 0 || work->scrub)
		*out = work;
	return VAULT_OK;
}

/* What is under way: an unsealing by shares, a rekey. */
static enum vault_err
progress(struct op *op, struct sys_status_res *res)
{
	struct unseal_progress *unseal = scratch_alloc(op->scratch, sizeof *unseal);
	struct rekey_status *rekey = scratch_alloc(op->scratch, sizeof *rekey);
	struct share_progress shares;
	struct work_seen seen;

	if (unseal == NULL || rekey == NULL)
		return VAULT_BUSY;
	if (unseal_shares_progress(&op->vault->shares, &shares)) {
		unseal->have = shares.have;
		unseal->needed = shares.threshold - shares.have;
		TRY(op_keep_text(op, (struct vault_text){ shares.slot, shares.slot_len },
				 &unseal->slot));
		res->unseal = unseal;
	}
	if (work_read(&op->vault->work[WORK_COMMIT], &seen)) {
		*rekey = (struct rekey_status){ (int64_t)seen.done, (int64_t)seen.total };
		res->rekey = rekey;
	}
	return VAULT_OK;
}

/* What takes so long that somebody may want to know how far it is. */
static enum vault_err
work(struct op *op, struct sys_status_res *res)
{
	struct work_status *items = scratch_alloc(op->scratch, WORK_PLACES * sizeof *items);
	struct work_seen seen;
	size_t n = 0;

	if (items == NULL)
		return VAULT_BUSY;
	for (int i = 0; i < WORK_PLACES; i++)
		if (work_read(&op->vault->work[i], &seen))
			items[n++] = (struct work_status){
				.method = text_of(op_rows[seen.op].method),
				.done = (int64_t)seen.done,
				.total = { (int64_t)seen.total, seen.total > 0 },
				.unit = text_of(seen.unit),
				.since = seen.since,
			};
	if (n > 0) {
		res->work.v = items;
		res->work.n = n;
	}
	return VAULT_OK;
}

enum vault_err
op_sys_status(struct op *op, const struct sys_status_req *req, struct sys_status_res *res)
{
	struct audit_health *health = scratch_alloc(op->scratch, sizeof *health);
	enum vault_state state = vault_state(op->vault);
	struct audit_status audit;
	struct slot_table slots = { 0 };
	int64_t last_backup, last_drill;

	(void)req;
	if (health == NULL)
		return VAULT_BUSY;
	audit_status(op->vault->audit, &audit);
	*health = (struct audit_health){ (int64_t)audit.head.seq, !audit.running || audit.ok };
	res->initialized = state != STATE_UNINITIALIZED;
	res->sealed = state != STATE_OPEN;
	res->version = text_of(op->vault->settings.version);
	res->uptime = (op->now.boot_ms - op->vault->settings.started_boot_ms) / 1000;
	if (state == STATE_OPEN)
		res->tenants =
			(struct vault_opt_int){ (int64_t)atomic_load(&op->vault->tenant_count),
						true };
	if (res->initialized)
		TRY(slots_read(op->txn, op->scratch, &slots));
	res->slots = (int64_t)slots.slots.n;
	last_backup = atomic_load(&op->vault->last_backup);
	res->last_backup = (struct vault_opt_int){ last_backup, last_backup != 0 };
	last_drill = atomic_load(&op->vault->last_drill);
	res->last_drill = (struct vault_opt_int){ last_drill, last_drill != 0 };
	res->sandbox = text_of(op->vault->settings.sandbox);
	res->memory_lock = text_of(op->vault->settings.memory_lock);
	res->audit = health;
	if (state == STATE_OPEN)
		TRY(anchor_health(op, &res->anchor));
	if (state == STATE_OPEN)
		TRY(background(op, &res->background));
	TRY(progress(op, res));
	TRY(work(op, res));
	return store_id(op, &res->store_id);
}

enum vault_err
op_sys_check(struct op *op, const struct sys_check_req *req, struct sys_check_res *res)
{
	static const char *const names[TABLE_COUNT] = { "rows", "index", "meta" };
	struct vault_text *differs = scratch_alloc(op->scratch, TABLE_COUNT * sizeof *differs);
	struct store_check check;

	(void)req;
	if (differs == NULL)
		return VAULT_BUSY;
	work_begin(&op->vault->work[WORK_SLOW], OP_sys_check, "entries", op->now.wall);
	TRY(check_store(op->vault, op->txn, &check));
	for (int i = 0; i < TABLE_COUNT; i++)
		if (check.differs[i])
			differs[res->differs.n++] = text_of(names[i]);
	res->ok = res->differs.n == 0;
	if (!res->ok)
		res->differs.v = differs;
	res->revision = (int64_t)check.revision;
	res->rows = (int64_t)check.rows;
	res->entries = (int64_t)check.entries;
	return VAULT_OK;
}
