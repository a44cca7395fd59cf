#include "vaultd/core/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/cache.h"
#include "vaultd/core/vault.h"

#define LINE_BYTES 512 /* the longest line; label values are cut before it ends */

/* Every metric there is: name, type, help. */
#define METRICS(X)                                                                                 \
	X(build_info, gauge, "Always 1; the version of this build is its label.")                  \
	X(uptime_seconds, gauge, "Seconds since the daemon started.")                              \
	X(initialized, gauge, "1 once there is a vault.")                                          \
	X(sealed, gauge, "1 while the vault is sealed, or not yet made.")                          \
	X(tenants, gauge, "Tenants in the store; absent while sealed.")                            \
	X(connections, gauge, "Connections open now.")                                             \
	X(connections_accepted_total, counter, "Connections accepted.")                            \
	X(connections_moved_total, counter,                                                        \
	  "Times that a connection went from one worker to another with less to do.")              \
	X(watchers, gauge, "Connections that are told of events.")                                 \
	X(requests_total, counter,                                                                 \
	  "Requests by method and outcome; what was never asked has no line.")                     \
	X(refusals_total, counter, "Requests refused as denied, limited or locked, all methods.")  \
	X(alerts_total, counter, "Alerts that became an event and a log line.")                    \
	X(alerts_suppressed_total, counter, "Alerts held back because the like was told lately.")  \
	X(events_total, counter, "Events published while anybody watched.")                        \
	X(commits_total, counter, "Commits of the store.")                                         \
	X(commit_group_size, histogram, "Requests that the committer ran in one group.")           \
	X(audit_sequence, gauge, "Sequence number of the last audit record; absent while sealed.") \
	X(audit_healthy, gauge, "0 when the audit could not be written.")                          \
	X(anchor_healthy, gauge, "0 when the anchor could not be written; absent while sealed.")   \
	X(anchor_revision, gauge, "Revision of the store that the anchor holds.")                  \
	X(anchor_time_seconds, gauge, "When the anchor was written, since 1970.")                  \
	X(last_backup_timestamp_seconds, gauge,                                                    \
	  "The moment that the newest backup fetched whole is of; absent while there is none.")    \
	X(last_drill_timestamp_seconds, gauge,                                                     \
	  "When a rehearsal of a backup last went well; absent while none has.")                   \
	X(backups_under_way, gauge, "Backups that are being read.")                                \
	X(arena_used_bytes, gauge, "Locked memory in use.")                                        \
	X(arena_size_bytes, gauge, "Locked memory in all.")                                        \
	X(cache_entries, gauge, "Opened tenants, keys and profiles in the caches of all threads.") \
	X(cache_evictions_total, counter, "Entries that left a cache to make room.")

enum metric {
#define METRIC(name, type, help) METRIC_##name,
	METRICS(METRIC)
#undef METRIC
};

static const struct {
	const char *name, *type, *help;
} rows[] = {
#define METRIC(name, type, help) { "vaultd_" #name, #type, help },
	METRICS(METRIC)
#undef METRIC
};

/* The text under construction. */
struct exposition {
	struct buf *out;
	bool failed;
};

void
metrics_init(struct metrics *metrics)
{
	memset(metrics, 0, sizeof *metrics);
	pthread_mutex_init(&metrics->mutex, NULL);
}

void
metrics_add(struct metrics *metrics, struct metrics_thread *thread)
{
	pthread_mutex_lock(&metrics->mutex);
	thread->next = metrics->threads;
	thread->link = &metrics->threads;
	if (thread->next != NULL)
		thread->next->link = &thread->next;
	metrics->threads = thread;
	pthread_mutex_unlock(&metrics->mutex);
}

void
metrics_remove(struct metrics *metrics, struct metrics_thread *thread)
{
	if (thread->link == NULL)
		return;
	pthread_mutex_lock(&metrics->mutex);
	*thread->link = thread->next;
	if (thread->next != NULL)
		thread->next->link = thread->link;
	thread->link = NULL;
	for (int id = 0; id <= OP_COUNT; id++)
		for (int err = 0; err < VAULT_ERR_COUNT; err++)
			metrics->gone[id][err] += atomic_load(&thread->requests[id][err]);
	pthread_mutex_unlock(&metrics->mutex);
}

void
metrics_group(struct metrics *metrics, unsigned n)
{
	unsigned i = 0;

	while (i < METRICS_GROUPS - 1 && n > 1u << i)
		i++;
	metrics_count(&metrics->groups[i], 1);
	metrics_count(&metrics->grouped, n);
}

static void
put(struct exposition *e, const char *text, size_t len)
{
	e->failed |= buf_append(e->out, text, len) != VAULT_OK;
}

/* The lines that stand before a metric's samples. */
static void
head(struct exposition *e, enum metric metric)
{
	char line[LINE_BYTES];
	int n = snprintf(line, sizeof line, "# HELP %s %s\n# TYPE %s %s\n", rows[metric].name,
			 rows[metric].help, rows[metric].name, rows[metric].type);

	put(e, line, (size_t)n);
}

static void
put_name(struct exposition *e, enum metric metric, const char *suffix)
{
	put(e, rows[metric].name, strlen(rows[metric].name));
	put(e, suffix, strlen(suffix));
}

/* name="value" with the escapes of the format. */
static void
put_label(struct exposition *e, const char *before, const char *name, const char *value)
{
	put(e, before, strlen(before));
	put(e, name, strlen(name));
	put(e, "=\"", 2);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			put(e, "\\", 1);
		put(e, *value == '\n' ? "\\n" : value, *value == '\n' ? 2 : 1);
	}
	put(e, "\"", 1);
}

static void
put_value(struct exposition *e, uint64_t value)
{
	char text[32];

	put(e, text, (size_t)snprintf(text, sizeof text, " %" PRIu64 "\n", value));
}

/* A metric of one sample. */
static void
sample(struct exposition *e, enum metric metric, uint64_t value)
{
	head(e, metric);
	put_name(e, metric, "");
	put_value(e, value);
}

/* What all threads have counted of one method and outcome; under the lock. */
static uint64_t
requests_of(const struct metrics *metrics, int id, int err)
{
	uint64_t n = metrics->gone[id][err];

	for (const struct metrics_thread *t = metrics->threads; t != NULL; t = t->next)
		n += atomic_load_explicit(&t->requests[id][err], memory_order_relaxed);
	return n;
}

static void
put_requests(struct exposition *e, const struct metrics *metrics, uint64_t *by_outcome)
{
	head(e, METRIC_requests_total);
	for (int id = 0; id <= OP_COUNT; id++)
		for (int err = 0; err < VAULT_ERR_COUNT; err++) {
			uint64_t n = requests_of(metrics, id, err);

			by_outcome[err] += n;
			if (n == 0)
				continue;
			put_name(e, METRIC_requests_total, "");
			put_label(e, "{", "method",
				  id == METRICS_OTHER ? "other" : op_rows[id].method);
			put_label(e, ",", "code", vault_err_code((enum vault_err)err));
			put(e, "}", 1);
			put_value(e, n);
		}
}

static void
put_refusals(struct exposition *e, const uint64_t *by_outcome)
{
	static const enum vault_err refusals[] = { VAULT_DENIED, VAULT_LIMITED, VAULT_LOCKED };

	head(e, METRIC_refusals_total);
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		put_name(e, METRIC_refusals_total, "");
		put_label(e, "{", "code", vault_err_code(refusals[i]));
		put(e, "}", 1);
		put_value(e, by_outcome[refusals[i]]);
	}
}

static void
put_groups(struct exposition *e, const struct metrics *metrics)
{
	uint64_t below = 0;
	char bound[32];

	head(e, METRIC_commit_group_size);
	for (unsigned i = 0; i < METRICS_GROUPS; i++) {
		below += atomic_load(&metrics->groups[i]);
		snprintf(bound, sizeof bound, "%u", 1u << i);
		put_name(e, METRIC_commit_group_size, "_bucket");
		put_label(e, "{", "le", i == METRICS_GROUPS - 1 ? "+Inf" : bound);
		put(e, "}", 1);
		put_value(e, below);
	}
	put_name(e, METRIC_commit_group_size, "_sum");
	put_value(e, atomic_load(&metrics->grouped));
	put_name(e, METRIC_commit_group_size, "_count");
	put_value(e, below);
}

static void
put_state(struct exposition *e, struct vault *vault, int64_t uptime_ms)
{
	enum vault_state state = vault_state(vault);

	head(e, METRIC_build_info);
	put_name(e, METRIC_build_info, "");
	put_label(e, "{", "version", vault->settings.version);
	put(e, "}", 1);
	put_value(e, 1);
	sample(e, METRIC_uptime_seconds, (uint64_t)(uptime_ms / 1000));
	sample(e, METRIC_initialized, state != STATE_UNINITIALIZED);
	sample(e, METRIC_sealed, state != STATE_OPEN);
	if (state == STATE_OPEN)
		sample(e, METRIC_tenants, atomic_load(&vault->tenant_count));
}

static void
put_audit(struct exposition *e, struct vault *vault)
{
	struct audit_status status;

	audit_status(vault->audit, &status);
	if (status.running)
		sample(e, METRIC_audit_sequence, status.head.seq);
	sample(e, METRIC_audit_healthy, !status.running || status.ok);
}

static void
put_anchor(struct exposition *e, struct vault *vault)
{
	struct anchor_status status;

	if (vault_state(vault) != STATE_OPEN)
		return;
	anchor_status(&vault->anchor, &status);
	sample(e, METRIC_anchor_healthy, status.ok);
	sample(e, METRIC_anchor_revision, status.revision);
	sample(e, METRIC_anchor_time_seconds, (uint64_t)(status.time_ns / 1000000000));
}

static void
put_caches(struct exposition *e, const struct metrics *metrics)
{
	uint64_t entries = 0, evictions = 0;

	for (const struct metrics_thread *t = metrics->threads; t != NULL; t = t->next) {
		if (t->cache == NULL)
			continue;
		entries += atomic_load_explicit(&t->cache->entries, memory_order_relaxed);
		evictions += atomic_load_explicit(&t->cache->evictions, memory_order_relaxed);
	}
	sample(e, METRIC_cache_entries, entries);
	sample(e, METRIC_cache_evictions_total, evictions);
}

enum vault_err
metrics_write(struct vault *vault, int64_t uptime_ms, struct buf *out)
{
	struct metrics *metrics = &vault->metrics;
	uint64_t by_outcome[VAULT_ERR_COUNT] = { 0 };
	struct exposition e = { .out = out };

	put_state(&e, vault, uptime_ms);
	sample(&e, METRIC_connections, (uint64_t)atomic_load(&metrics->connections));
	sample(&e, METRIC_connections_accepted_total, atomic_load(&metrics->accepted));
	sample(&e, METRIC_connections_moved_total, atomic_load(&metrics->moved));
	sample(&e, METRIC_watchers, atomic_load(&vault->events.watchers));
	pthread_mutex_lock(&metrics->mutex);
	put_requests(&e, metrics, by_outcome);
	put_caches(&e, metrics);
	pthread_mutex_unlock(&metrics->mutex);
	put_refusals(&e, by_outcome);
	sample(&e, METRIC_alerts_total, atomic_load(&vault->alerts.told_total));
	sample(&e, METRIC_alerts_suppressed_total, atomic_load(&vault->alerts.suppressed_total));
	sample(&e, METRIC_events_total, atomic_load(&vault->events.published));
	sample(&e, METRIC_commits_total, atomic_load(&vault->commits));
	put_groups(&e, metrics);
	put_audit(&e, vault);
	put_anchor(&e, vault);
	if (atomic_load(&vault->last_backup) != 0)
		sample(&e, METRIC_last_backup_timestamp_seconds,
		       (uint64_t)atomic_load(&vault->last_backup));
	if (atomic_load(&vault->last_drill) != 0)
		sample(&e, METRIC_last_drill_timestamp_seconds,
		       (uint64_t)atomic_load(&vault->last_drill));
	sample(&e, METRIC_backups_under_way, atomic_load(&vault->backups.count));
	sample(&e, METRIC_arena_used_bytes, arena_used(vault->arena));
	sample(&e, METRIC_arena_size_bytes, arena_size(vault->arena));
	return e.failed ? VAULT_BUSY : VAULT_OK;
}
