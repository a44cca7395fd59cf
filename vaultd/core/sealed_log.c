#include "vaultd/core/sealed_log.h"

void
sealed_log_init(struct sealed_log *log)
{
	*log = (struct sealed_log){ 0 };
	pthread_mutex_init(&log->mutex, NULL);
}

void
sealed_log_free(struct sealed_log *log)
{
	audit_batch_free(&log->records);
	pthread_mutex_destroy(&log->mutex);
}

static void
keep(struct sealed_log *log, const struct audit_batch *batch)
{
	pthread_mutex_lock(&log->mutex);
	if (audit_batch_count(&log->records) + audit_batch_count(batch) > SEALED_LOG_MAX ||
	    audit_batch_merge(&log->records, batch) != VAULT_OK)
		log->dropped += audit_batch_count(batch);
	pthread_mutex_unlock(&log->mutex);
}

enum vault_err
sealed_log_record(struct sealed_log *log, struct audit *audit, const struct audit_batch *batch,
		  int64_t now_ns, struct audit_head *head)
{
	enum vault_err err;

	if (audit_batch_count(batch) == 0)
		return VAULT_OK;
	err = audit_append(audit, batch, AUDIT_READS, now_ns, head);
	if (err != VAULT_SEALED)
		return err;
	keep(log, batch);
	return VAULT_OK;
}

enum vault_err
sealed_log_flush(struct sealed_log *log, struct audit *audit, int64_t now_ns, uint64_t *dropped)
{
	enum vault_err err = VAULT_OK;

	pthread_mutex_lock(&log->mutex);
	if (audit_batch_count(&log->records) > 0)
		err = audit_append(audit, &log->records, AUDIT_READS, now_ns, NULL);
	if (err == VAULT_OK) {
		audit_batch_reset(&log->records);
		*dropped = log->dropped;
		log->dropped = 0;
	}
	pthread_mutex_unlock(&log->mutex);
	return err;
}
