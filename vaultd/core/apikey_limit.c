#include "vaultd/core/apikey_limit.h"

#include <stdlib.h>

#define SLOTS (1u << 16) /* keys and callers whose rate is remembered; 1 MiB */
#define PROBES 8	 /* slots looked at for one */
#define NS_PER_MS INT64_C(1000000)
#define CALLERS UINT64_C(0x8000000000000000) /* apart from rows */

/* A slot whose bucket is full again says nothing, and is anyone's. */
struct slot {
	_Atomic uint64_t whose; /* 0: nobody's */
	_Atomic int64_t bucket;
};
struct apikey_limits {
	struct slot slots[SLOTS];
};

uint64_t
apikey_limit_of_key(uint64_t row)
{
	return row;
}

uint64_t
apikey_limit_of_caller(uint32_t uid)
{
	return CALLERS | uid;
}

static struct apikey_limits *
table_of(struct vault *vault)
{
	struct apikey_limits *there =
		atomic_load_explicit(&vault->apikey_limits, memory_order_acquire);
	struct apikey_limits *fresh;

	if (there != NULL)
		return there;
	fresh = calloc(1, sizeof *fresh);
	if (fresh == NULL || atomic_compare_exchange_strong(&vault->apikey_limits, &there, fresh))
		return fresh;
	/* Another thread was first. */
	free(fresh);
	return there;
}

void
apikey_limits_free(struct vault *vault)
{
	free(atomic_exchange(&vault->apikey_limits, NULL));
}

/* Its slot, or NULL where it has none: then its bucket is full. */
static struct slot *
find(struct apikey_limits *limits, uint64_t whose)
{
	unsigned at = (unsigned)(whose * UINT64_C(0x9e3779b97f4a7c15) >> 48);

	for (unsigned i = 0; i < PROBES; i++) {
		struct slot *slot = &limits->slots[(at + i) % SLOTS];

		if (atomic_load_explicit(&slot->whose, memory_order_relaxed) == whose)
			return slot;
	}
	return NULL;
}

/* The fullest bucket's slot becomes its own: who loses it has the most to take anyway. */
static struct slot *
claim(struct apikey_limits *limits, uint64_t whose)
{
	unsigned at = (unsigned)(whose * UINT64_C(0x9e3779b97f4a7c15) >> 48);
	struct slot *best = &limits->slots[at % SLOTS];

	for (unsigned i = 1; i < PROBES; i++) {
		struct slot *slot = &limits->slots[(at + i) % SLOTS];

		if (atomic_load_explicit(&slot->bucket, memory_order_relaxed) <
		    atomic_load_explicit(&best->bucket, memory_order_relaxed))
			best = slot;
	}
	atomic_store_explicit(&best->bucket, 0, memory_order_relaxed);
	atomic_store_explicit(&best->whose, whose, memory_order_relaxed);
	return best;
}

bool
apikey_limit_take(struct op *op, uint64_t whose, const struct limit_rate *rate, int64_t *retry_ms)
{
	struct apikey_limits *limits = rate->rate == 0 ? NULL : table_of(op->vault);
	struct slot *slot;

	if (limits == NULL)
		return true;
	slot = find(limits, whose);
	if (slot == NULL)
		slot = claim(limits, whose);
	return limit_take(&slot->bucket, rate, op->now.boot_ms * NS_PER_MS, retry_ms);
}

bool
apikey_limit_look(struct op *op, uint64_t whose, const struct limit_rate *rate, int64_t *retry_ms)
{
	struct apikey_limits *limits =
		atomic_load_explicit(&op->vault->apikey_limits, memory_order_acquire);
	struct slot *slot = limits == NULL ? NULL : find(limits, whose);
	_Atomic int64_t copy;

	if (slot == NULL)
		return true;
	atomic_init(&copy, atomic_load_explicit(&slot->bucket, memory_order_relaxed));
	return limit_take(&copy, rate, op->now.boot_ms * NS_PER_MS, retry_ms);
}
