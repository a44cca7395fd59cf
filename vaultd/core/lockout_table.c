#include "vaultd/core/lockout_table.h"

#include <stdlib.h>
#include <string.h>

#include "vaultd/base/random.h"

#define GROUPS 8 /* in which failures are remembered: one each, where the rule asks for no more */
#define BUCKETS LOCKOUT_ENTRIES

/* Failures that are remembered together, by the time of the youngest. */
struct failures {
	int64_t last_ms;
	unsigned count;
};

/* Places are indices into entries, counted from 1; 0 is none. */
struct entry {
	struct lockout_id id;
	int64_t locked_until; /* 0: not locked */
	uint32_t chain;	      /* in its bucket, or in the list of free ones */
	uint32_t newer, older;
	uint8_t groups;
	struct failures failed[GROUPS]; /* oldest first */
};

enum state { UNLOCKED, LOCKED, STATES };

/* Least recently failed or locked first. */
struct order {
	uint32_t oldest, newest;
};

struct lockout_entries {
	uint64_t seed[4]; /* of the hash: nobody can fill one bucket */
	uint32_t used;	  /* entries[0..used) were taken at some time */
	uint32_t free;
	uint32_t count;
	struct order orders[STATES];
	uint32_t buckets[BUCKETS];
	struct entry entries[LOCKOUT_ENTRIES];
};

void
lockouts_init(struct lockouts *lockouts)
{
	*lockouts = (struct lockouts){ 0 };
	pthread_mutex_init(&lockouts->mutex, NULL);
	atomic_init(&lockouts->any, false);
}

void
lockouts_free(struct lockouts *lockouts)
{
	free(lockouts->entries);
	lockouts->entries = NULL;
	pthread_mutex_destroy(&lockouts->mutex);
}

static struct entry *
at(struct lockout_entries *e, uint32_t place)
{
	return &e->entries[place - 1];
}

static uint32_t *
bucket_of(struct lockout_entries *e, const struct lockout_id *id)
{
	uint64_t a, b;

	memcpy(&a, id->bytes, sizeof a);
	memcpy(&b, id->bytes + sizeof a, sizeof b);
	a = (a ^ e->seed[0]) * (e->seed[1] | 1) + (b ^ e->seed[2]) * (e->seed[3] | 1);
	return &e->buckets[a >> 48];
}

static struct order *
order_of(struct lockout_entries *e, const struct entry *entry)
{
	return &e->orders[entry->locked_until != 0 ? LOCKED : UNLOCKED];
}

static void
order_remove(struct lockout_entries *e, const struct entry *entry)
{
	struct order *order = order_of(e, entry);

	*(entry->older != 0 ? &at(e, entry->older)->newer : &order->oldest) = entry->newer;
	*(entry->newer != 0 ? &at(e, entry->newer)->older : &order->newest) = entry->older;
}

static void
order_add(struct lockout_entries *e, uint32_t place)
{
	struct entry *entry = at(e, place);
	struct order *order = order_of(e, entry);

	entry->newer = 0;
	entry->older = order->newest;
	*(entry->older != 0 ? &at(e, entry->older)->newer : &order->oldest) = place;
	order->newest = place;
}

static void
set_lock(struct lockout_entries *e, uint32_t place, int64_t until_ms)
{
	struct entry *entry = at(e, place);

	order_remove(e, entry);
	entry->locked_until = until_ms;
	entry->groups = 0;
	order_add(e, place);
}

/* The place of an id, its lock ended if its time has come; 0: there is none. */
static uint32_t
find(struct lockouts *lockouts, const struct lockout_id *id, int64_t now_ms)
{
	struct lockout_entries *e = lockouts->entries;
	uint32_t place = e == NULL ? 0 : *bucket_of(e, id);

	while (place != 0 && memcmp(&at(e, place)->id, id, sizeof *id) != 0)
		place = at(e, place)->chain;
	if (place != 0 && at(e, place)->locked_until != 0 && at(e, place)->locked_until <= now_ms)
		set_lock(e, place, 0);
	return place;
}

static void
drop(struct lockouts *lockouts, uint32_t place)
{
	struct lockout_entries *e = lockouts->entries;
	struct entry *entry = at(e, place);
	uint32_t *link = bucket_of(e, &entry->id);

	while (*link != place)
		link = &at(e, *link)->chain;
	*link = entry->chain;
	order_remove(e, entry);
	entry->chain = e->free;
	e->free = place;
	atomic_store_explicit(&lockouts->any, --e->count > 0, memory_order_release);
}

/* A place that nobody has, taken from the oldest unlocked one where all are in use. */
static uint32_t
take_place(struct lockouts *lockouts)
{
	struct lockout_entries *e = lockouts->entries;
	uint32_t place;

	if (e->free == 0 && e->used < LOCKOUT_ENTRIES)
		return ++e->used;
	if (e->free == 0)
		drop(lockouts, e->orders[UNLOCKED].oldest != 0 ? e->orders[UNLOCKED].oldest
							       : e->orders[LOCKED].oldest);
	place = e->free;
	e->free = at(e, place)->chain;
	return place;
}

static uint32_t
find_or_add(struct lockouts *lockouts, const struct lockout_id *id, int64_t now_ms)
{
	uint32_t place = find(lockouts, id, now_ms), *bucket;

	if (place != 0)
		return place;
	if (lockouts->entries == NULL) {
		lockouts->entries = calloc(1, sizeof *lockouts->entries);
		if (lockouts->entries == NULL)
			return 0;
		random_bytes(lockouts->entries->seed, sizeof lockouts->entries->seed);
	}
	place = take_place(lockouts);
	bucket = bucket_of(lockouts->entries, id);
	*at(lockouts->entries, place) = (struct entry){ .id = *id, .chain = *bucket };
	*bucket = place;
	order_add(lockouts->entries, place);
	lockouts->entries->count++;
	atomic_store_explicit(&lockouts->any, true, memory_order_release);
	return place;
}

int64_t
lockouts_left(struct lockouts *lockouts, const struct lockout_id *id, int64_t now_ms)
{
	int64_t left = 0;
	uint32_t place;

	if (!atomic_load_explicit(&lockouts->any, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&lockouts->mutex);
	place = find(lockouts, id, now_ms);
	if (place != 0 && at(lockouts->entries, place)->locked_until != 0)
		left = at(lockouts->entries, place)->locked_until - now_ms;
	pthread_mutex_unlock(&lockouts->mutex);
	return left;
}

/* Forgets what is no longer in the window, and tells how many failures are. */
static unsigned
recent(struct entry *entry, int64_t since_ms)
{
	unsigned kept = 0, count = 0;

	for (unsigned i = 0; i < entry->groups; i++) {
		if (entry->failed[i].last_ms <= since_ms)
			continue;
		count += entry->failed[i].count;
		entry->failed[kept++] = entry->failed[i];
	}
	entry->groups = (uint8_t)kept;
	return count;
}

static void
add_failure(struct entry *entry, const struct lockout_rule *rule, int64_t now_ms)
{
	unsigned most = (rule->failures + GROUPS - 1) / GROUPS;
	bool full = entry->groups == 0 || entry->failed[entry->groups - 1].count >= most;

	/* A rule that was narrowed meanwhile may find more groups than it needs. */
	if (full && entry->groups < GROUPS)
		entry->failed[entry->groups++] = (struct failures){ 0 };
	entry->failed[entry->groups - 1].last_ms = now_ms;
	entry->failed[entry->groups - 1].count++;
}

static enum lockout_step
count_failure(struct lockouts *lockouts, uint32_t place, const struct lockout_rule *rule,
	      int64_t now_ms, bool may_lock)
{
	struct lockout_entries *e = lockouts->entries;
	struct entry *entry = at(e, place);

	/* Locked since who asks here looked: the committer answers as to whoever looks now. */
	if (entry->locked_until != 0)
		return may_lock ? LOCKOUT_COUNTED : LOCKOUT_LOCKS;
	if (recent(entry, now_ms - rule->window_ms) + 1 >= rule->failures) {
		if (may_lock)
			set_lock(e, place, now_ms + rule->block_ms);
		return LOCKOUT_LOCKS;
	}
	add_failure(entry, rule, now_ms);
	order_remove(e, entry);
	order_add(e, place);
	return LOCKOUT_COUNTED;
}

enum lockout_step
lockouts_count(struct lockouts *lockouts, const struct lockout_id *id,
	       const struct lockout_rule *rule, int64_t now_ms, bool may_lock)
{
	enum lockout_step step = LOCKOUT_FULL;
	uint32_t place;

	pthread_mutex_lock(&lockouts->mutex);
	place = find_or_add(lockouts, id, now_ms);
	if (place != 0)
		step = count_failure(lockouts, place, rule, now_ms, may_lock);
	pthread_mutex_unlock(&lockouts->mutex);
	return step;
}

bool
lockouts_lock(struct lockouts *lockouts, const struct lockout_id *id, int64_t until_ms)
{
	uint32_t place;

	pthread_mutex_lock(&lockouts->mutex);
	place = find_or_add(lockouts, id, 0);
	if (place != 0)
		set_lock(lockouts->entries, place, until_ms);
	pthread_mutex_unlock(&lockouts->mutex);
	return place != 0;
}

void
lockouts_clear(struct lockouts *lockouts, const struct lockout_id *id, int64_t now_ms)
{
	uint32_t place;

	if (!atomic_load_explicit(&lockouts->any, memory_order_acquire))
		return;
	pthread_mutex_lock(&lockouts->mutex);
	place = find(lockouts, id, now_ms);
	if (place != 0 && at(lockouts->entries, place)->locked_until == 0)
		drop(lockouts, place);
	pthread_mutex_unlock(&lockouts->mutex);
}
