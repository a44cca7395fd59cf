/*
 * Events between those that see them and those that watch: refusals become alerts, alerts and
 * changes of the daemon's state become events and log lines, and each event is held against what a
 * subscriber may know.
 */
#ifndef VAULTD_DISPATCH_WATCH_H
#define VAULTD_DISPATCH_WATCH_H

#include "protocol/buf.h"
#include "vaultd/core/op.h"
#include "vaultd/core/session.h"

/* A request was refused, which tenant it named (p NULL: none). Cheap where it is no alert. */
void watch_refused(const struct op *op, struct vault_text tenant, enum vault_err err);
/* What was done could not be kept, for a whole turn or group: audit_unavailable, storage_full. */
void watch_trouble(struct vault *vault, enum vault_err err, const struct clock_now *now);
/* The vault was sealed or unsealed; by whom, where it is known (else NULL). */
void watch_state(struct vault *vault, enum event_kind kind, const struct session *by,
		 const struct clock_now *now);

/* A change of a secret is durable; costs nothing where nobody watches. */
void watch_secret(struct vault *vault, const struct secret_news *news, const struct clock_now *now);

/* What is to become of an event and one subscription. */
enum watch_verdict {
	WATCH_DELIVER,
	WATCH_SKIP, /* not asked for, or nobody may say now whether he may know */
	WATCH_END,  /* he may watch no more */
};
enum watch_verdict watch_judge(struct vault *vault, const struct session *session,
			       const struct subscription *subscription,
			       const struct vault_event *event);
/* Appends the notification; missed: events lost before it. VAULT_BUSY when memory is short. */
MUST_USE enum vault_err watch_write(struct buf *out, const struct vault_event *event,
				    uint64_t missed);

/* On the committer, at each group: tells of a jump of the wall clock since the last one. */
void watch_tenant(struct vault *vault, enum event_kind kind, const char *tenant,
		  const struct clock_now *now);
/* Of what was done to a tenant in the background. */
void watch_tenant(struct vault *vault, enum event_kind kind, const char *tenant,
		  const struct clock_now *now);
void watch_clock(struct vault *vault, const struct clock_now *now);

#endif
