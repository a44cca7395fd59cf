#include "vaultd/core/rollback.h"

#define OR_ACCEPT "; else root may unseal with accept_rollback, which is audited"

static const char why_older[] = "the store is older than its anchor says: put the newer one back, "
				"or restore a backup" OR_ACCEPT;
static const char why_audit[] = "store and audit do not belong together, one of them is older: put "
				"the right one back" OR_ACCEPT;
static const char why_missing[] =
	"the anchor is missing, and with it what tells an old store: put it back" OR_ACCEPT;
static const char why_damaged[] =
	"the anchor is damaged, or cannot be read: put a good one back" OR_ACCEPT;
static const char why_foreign[] = "the anchor is another store's: see anchor_dir" OR_ACCEPT;

/* NULL where the store may be the newest; mark: zeros where it could not be read. */
static const char *
judge(struct vault *vault, struct anchor_mark *mark)
{
	switch (anchor_read(&vault->anchor, mark)) {
	case ANCHOR_GOOD:
		return mark->revision > vault->revision ? why_older : NULL;
	case ANCHOR_NONE:
		return atomic_load(&vault->anchored) ? why_missing : NULL;
	case ANCHOR_FOREIGN:
		return why_foreign;
	case ANCHOR_DAMAGED:
		break;
	}
	return why_damaged;
}

static struct audit_position
position(uint64_t revision, const struct audit_head *head)
{
	return (struct audit_position){ revision, head->segment, head->offset, head->seq };
}

/* The audit's own record of what was accepted. */
static enum vault_err
record(struct vault *vault, const struct vault_opening *opening,
       const struct audit_rollback *rollback, int64_t now_ns)
{
	uint8_t detail[AUDIT_ROLLBACK_BYTES];
	struct audit_batch batch = { 0 };
	struct audit_record rec = {
		.time_ns = now_ns,
		.uid = opening->uid,
		.gid = opening->gid,
		.pid = (uint32_t)opening->pid,
		.method = AUDIT_METHOD_NONE,
		.event = AUDIT_EVENT_ROLLBACK,
		.outcome = audit_outcome_ok,
		.detail = { detail, sizeof detail },
	};
	enum vault_err err;

	audit_rollback_write(rollback, detail);
	err = audit_batch_add(&batch, &rec);
	if (err == VAULT_OK)
		err = audit_append(vault->audit, &batch, AUDIT_READS, now_ns, NULL);
	audit_batch_free(&batch);
	return err;
}

/* Begins the audit whatever it holds. */
static enum vault_err
accept(struct vault *vault, const struct audit_keys *keys, const struct audit_head *head,
       struct vault_findings *found)
{
	struct audit_demand demand = { .accept = true };

	TRY(audit_start(vault->audit, keys, head, &demand, &found->recovery));
	found->rollback.void_first = found->recovery.undone.void_first;
	found->rollback.void_last = found->recovery.undone.void_last;
	found->rollback.parted = found->recovery.parted;
	return VAULT_OK;
}

enum vault_err
rollback_start(struct vault *vault, const struct audit_keys *keys, struct vault_opening *opening,
	       const struct audit_head *head)
{
	struct vault_findings *found = &opening->found;
	struct anchor_mark mark = { 0 };
	const char *why = judge(vault, &mark);
	struct audit_demand demand = { .reached = mark.revision == 0 ? NULL : &mark.audit };
	enum vault_err err = VAULT_INTEGRITY;

	if (why == NULL)
		err = audit_start(vault->audit, keys, head, &demand, &found->recovery);
	if (err != VAULT_INTEGRITY)
		return err;
	opening->why = why == NULL ? why_audit : why;
	found->differs = found->recovery.differs;
	found->rollback = (struct audit_rollback){ .found = position(vault->revision, head),
						   .anchor = position(mark.revision, &mark.audit) };
	if (!opening->accept_rollback)
		return VAULT_INTEGRITY;
	TRY(accept(vault, keys, head, found));
	TRY(record(vault, opening, &found->rollback, clock_read().wall_ns));
	if (vault->revision < mark.revision)
		vault->revision = mark.revision;
	return VAULT_OK;
}
