/*
 * Alerts: refusals that are worth telling an operator, out of the many that are not. Counted per
 * caller in a table of fixed size; time comes in with each refusal. Usable from any thread; never
 * called for what went well.
 */
#ifndef CORE_ALERTS_H
#define CORE_ALERTS_H

#include "vaultd/core/events.h"

#define ALERT_DENIED_COUNT 10	/* refusals of one principal ... */
#define ALERT_LIMITED_COUNT 100 /* answers "limited" of one tenant and class ... */
#define ALERT_WINDOW_MS 10000	/* ... within so long are an alert */
#define ALERT_QUIET_MS 60000	/* one alert in this time for each kind, principal and tenant */
#define ALERT_TENANTS_MAX 4	/* alerts in that time about one principal, on different tenants */
#define ALERT_TOTAL_MAX 60	/* alerts in that time, all together */

/* One refusal. Texts may be empty; the method may be NULL. */
struct alert_note {
	enum vault_err err;
	const struct op_row *method;
	struct vault_text principal;
	struct vault_text tenant; /* p NULL: none */
	int64_t retry_after_ms;	  /* of VAULT_LOCKED and VAULT_LIMITED */
	int64_t now_ms;		  /* CLOCK_BOOTTIME, milliseconds */
	int64_t wall;		  /* seconds since 1970 */
};

struct alert_table;
struct alerts {
	pthread_mutex_t mutex;
	struct alert_table *table; /* made by the first refusal that counts */
	int64_t minute;		   /* when the present ALERT_QUIET_MS began */
	unsigned told;		   /* alerts since */
	uint64_t suppressed;	   /* alerts held back since the last that was told */
	/* For the metrics: all since start. */
	_Atomic uint64_t told_total, suppressed_total;
};
void alerts_init(struct alerts *alerts);
void alerts_free(struct alerts *alerts);

/* Whether this outcome is one that alerts are made of. */
bool alerts_count(enum vault_err err);
/* Counts the refusal. True where it is an alert, which *event then describes. */
bool alerts_note(struct alerts *alerts, const struct alert_note *note, struct vault_event *event);

#endif
