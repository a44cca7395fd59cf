/*
 * What was asked while the audit was not running, because the vault was sealed or not yet made:
 * kept in memory, and the first thing that the audit records once it runs.
 */
#ifndef CORE_SEALED_LOG_H
#define CORE_SEALED_LOG_H

#include <pthread.h>

#include "vaultd/core/audit.h"

#define SEALED_LOG_MAX 4096 /* records kept; more are only counted */

/* Usable from any thread. */
struct sealed_log {
	pthread_mutex_t mutex;
	struct audit_batch records;
	uint64_t dropped;
};
void sealed_log_init(struct sealed_log *log);
void sealed_log_free(struct sealed_log *log);

/*
 * Appends the batch to the audit where it runs, else keeps it; *head (may be NULL) is set in the
 * first case only. Errors as audit_append, but never VAULT_SEALED.
 */
MUST_USE enum vault_err sealed_log_record(struct sealed_log *log, struct audit *audit,
					  const struct audit_batch *batch, int64_t now_ns,
					  struct audit_head *head);
/*
 * Appends what was kept, now that the audit runs; *dropped: how many more there were. Errors as
 * audit_append; what was kept stays then.
 */
MUST_USE enum vault_err sealed_log_flush(struct sealed_log *log, struct audit *audit,
					 int64_t now_ns, uint64_t *dropped);

#endif
