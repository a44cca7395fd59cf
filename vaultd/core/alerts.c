#include "vaultd/core/alerts.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/random.h"

#define SETS 128 /* a power of two */
#define WAYS 8	 /* the entry of a set that was used longest ago makes room */
#define KEY_MAX (PRINCIPAL_MAX + TENANT_NAME_MAX + 2 + 4)

/* What is counted together: who, and what of theirs. */
struct entry {
	uint8_t key[KEY_MAX];
	size_t key_len; /* 0: free */
	int64_t used_ms;
	/* The present window. */
	int64_t window_ms; /* when it began */
	uint64_t count;
	char principal[PRINCIPAL_MAX + 1]; /* empty: different ones */
	char tenant[TENANT_NAME_MAX + 1];
	/* What was told in the present ALERT_QUIET_MS. */
	int64_t quiet_ms; /* when it began */
	unsigned told;
	uint64_t told_tenant[ALERT_TENANTS_MAX]; /* their hashes */
	int64_t locked_until_ms;
};

struct alert_table {
	uint64_t seed; /* so that nobody can choose names that share a set */
	struct entry sets[SETS][WAYS];
};

/* How an outcome counts. */
struct rule {
	enum event_kind kind; /* event_kind_none: not at all */
	uint64_t count;	      /* of them within ALERT_WINDOW_MS are an alert */
	bool by_principal, by_tenant, by_class, by_method; /* what is counted apart */
};

static struct rule
rule_of(enum vault_err err)
{
	switch (err) {
	case VAULT_DENIED:
		return (struct rule){ .kind = event_kind_denied,
				      .count = ALERT_DENIED_COUNT,
				      .by_principal = true };
	case VAULT_LIMITED:
		return (struct rule){ .kind = event_kind_limited,
				      .count = ALERT_LIMITED_COUNT,
				      .by_tenant = true,
				      .by_class = true };
	case VAULT_LOCKED:
		return (struct rule){ .kind = event_kind_lockout,
				      .count = 1,
				      .by_principal = true,
				      .by_tenant = true,
				      .by_method = true };
	case VAULT_AUDIT_UNAVAILABLE:
		return (struct rule){ .kind = event_kind_audit_unavailable, .count = 1 };
	case VAULT_STORAGE_FULL:
		return (struct rule){ .kind = event_kind_storage_full, .count = 1 };
	default:
		return (struct rule){ .kind = event_kind_none };
	}
}

void
alerts_init(struct alerts *alerts)
{
	*alerts = (struct alerts){ 0 };
	pthread_mutex_init(&alerts->mutex, NULL);
}

void
alerts_free(struct alerts *alerts)
{
	free(alerts->table);
	alerts->table = NULL;
}

bool
alerts_count(enum vault_err err)
{
	return rule_of(err).kind != event_kind_none;
}

/* FNV-1a from a seed: keys are compared in full behind it. */
static uint64_t
hash(uint64_t seed, const void *p, size_t len)
{
	const uint8_t *bytes = p;
	uint64_t h = UINT64_C(14695981039346656037) ^ seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * UINT64_C(1099511628211);
	return h ^ h >> 32;
}

static void
add_text(uint8_t *key, size_t *len, struct vault_text t, size_t max)
{
	size_t n = t.len < max ? t.len : max;

	key[(*len)++] = (uint8_t)n;
	if (n > 0)
		memcpy(key + *len, t.p, n);
	*len += n;
}

static size_t
make_key(const struct rule *rule, const struct alert_note *note, uint8_t key[static KEY_MAX])
{
	uint16_t number = rule->by_method && note->method != NULL ? note->method->number : 0;
	size_t len = 0;

	key[len++] = (uint8_t)(rule->kind << 3 |
			       (rule->by_class && note->method != NULL ? note->method->class : 0));
	key[len++] = (uint8_t)number;
	key[len++] = (uint8_t)(number >> 8);
	if (rule->by_principal)
		add_text(key, &len, note->principal, PRINCIPAL_MAX);
	if (rule->by_tenant)
		add_text(key, &len, note->tenant, TENANT_NAME_MAX);
	return len;
}

/* The key's entry; a fresh one where it has none. */
static struct entry *
entry_of(struct alert_table *table, const uint8_t *key, size_t len, int64_t now_ms)
{
	struct entry *set = table->sets[hash(table->seed, key, len) % SETS];
	struct entry *oldest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key_len == len && memcmp(set[i].key, key, len) == 0) {
			set[i].used_ms = now_ms;
			return &set[i];
		}
		if (oldest->key_len != 0 &&
		    (set[i].key_len == 0 || set[i].used_ms < oldest->used_ms))
			oldest = &set[i];
	}
	*oldest = (struct entry){ .key_len = len, .used_ms = now_ms };
	memcpy(oldest->key, key, len);
	return oldest;
}

static void
keep_text(char *to, size_t size, struct vault_text t)
{
	size_t n = t.len < size ? t.len : size - 1;

	if (n > 0)
		memcpy(to, t.p, n);
	to[n] = '\0';
}

/* Keeps what all refusals of the window have in common. */
static void
count(struct entry *entry, const struct alert_note *note)
{
	if (entry->count == 0 || note->now_ms - entry->window_ms >= ALERT_WINDOW_MS) {
		entry->window_ms = note->now_ms;
		entry->count = 0;
		keep_text(entry->principal, sizeof entry->principal, note->principal);
		keep_text(entry->tenant, sizeof entry->tenant, note->tenant);
	}
	entry->count++;
	if (!text_is(note->principal, entry->principal))
		entry->principal[0] = '\0';
	if (!text_is(note->tenant, entry->tenant))
		entry->tenant[0] = '\0';
}

/* Whether the same was told lately; else notes that it is told now. */
static bool
told_lately(struct entry *entry, uint64_t seed, int64_t now_ms)
{
	uint64_t tenant = hash(seed, entry->tenant, strlen(entry->tenant));

	if (entry->told == 0 || now_ms - entry->quiet_ms >= ALERT_QUIET_MS) {
		entry->quiet_ms = now_ms;
		entry->told = 0;
	}
	for (unsigned i = 0; i < entry->told; i++)
		if (entry->told_tenant[i] == tenant)
			return true;
	if (entry->told == ALERT_TENANTS_MAX)
		return true;
	entry->told_tenant[entry->told++] = tenant;
	return false;
}

static bool
too_many(struct alerts *alerts, int64_t now_ms)
{
	if (alerts->told == 0 || now_ms - alerts->minute >= ALERT_QUIET_MS) {
		alerts->minute = now_ms;
		alerts->told = 0;
	}
	if (alerts->told == ALERT_TOTAL_MAX)
		return true;
	alerts->told++;
	return false;
}

static void
describe(struct alerts *alerts, const struct entry *entry, const struct rule *rule,
	 const struct alert_note *note, struct vault_event *event)
{
	*event = (struct vault_event){
		.kind = rule->kind,
		.time = note->wall,
		.suppressed = alerts->suppressed,
	};
	alerts->suppressed = 0;
	if (rule->by_principal || rule->by_tenant) {
		memcpy(event->principal, entry->principal, sizeof event->principal);
		memcpy(event->tenant, entry->tenant, sizeof event->tenant);
	}
	if (rule->by_class && note->method != NULL)
		event->class_name = op_class_name(note->method->class);
	if (rule->by_method)
		event->method = note->method;
	if (rule->kind == event_kind_lockout)
		event->retry_after_ms = note->retry_after_ms;
	if (rule->count > 1) {
		event->count = entry->count;
		event->seconds = ALERT_WINDOW_MS / 1000;
	}
}

/* With the lock held. */
static bool
weigh(struct alerts *alerts, const struct rule *rule, const struct alert_note *note,
      struct vault_event *event)
{
	uint8_t key[KEY_MAX];
	size_t len = make_key(rule, note, key);
	struct entry *entry = entry_of(alerts->table, key, len, note->now_ms);

	/* Each lock once: what is refused until it ends is the same lock. */
	if (rule->kind == event_kind_lockout) {
		bool same = note->now_ms < entry->locked_until_ms;

		entry->locked_until_ms = note->now_ms + note->retry_after_ms;
		if (same)
			return false;
	}
	count(entry, note);
	if (entry->count < rule->count)
		return false;
	if (told_lately(entry, alerts->table->seed, note->now_ms) ||
	    too_many(alerts, note->now_ms)) {
		alerts->suppressed++;
		atomic_fetch_add_explicit(&alerts->suppressed_total, 1, memory_order_relaxed);
		entry->count = 0;
		return false;
	}
	describe(alerts, entry, rule, note, event);
	atomic_fetch_add_explicit(&alerts->told_total, 1, memory_order_relaxed);
	entry->count = 0;
	return true;
}

bool
alerts_note(struct alerts *alerts, const struct alert_note *note, struct vault_event *event)
{
	struct rule rule = rule_of(note->err);
	bool told = false;

	if (rule.kind == event_kind_none)
		return false;
	pthread_mutex_lock(&alerts->mutex);
	if (alerts->table == NULL) {
		alerts->table = calloc(1, sizeof *alerts->table);
		if (alerts->table != NULL)
			random_bytes(&alerts->table->seed, sizeof alerts->table->seed);
	}
	if (alerts->table != NULL)
		told = weigh(alerts, &rule, note, event);
	pthread_mutex_unlock(&alerts->mutex);
	return told;
}
