#include "vaultd/base/limit.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define WRITE_RATE 100000
#define ADMIN_RATE 1000
/* How far apart the times of two threads' turns may be: a bucket emptier than that had another rate. */
#define SKEW_NS NS_PER_S

const struct limit_rate limit_defaults[LIMIT_CLASSES] = {
	{ 0, 0 }, { 0, 0 }, { WRITE_RATE, WRITE_RATE }, { ADMIN_RATE, ADMIN_RATE }
};

bool
limit_take(_Atomic int64_t *bucket, const struct limit_rate *rate, int64_t now_ns,
	   int64_t *retry_ms)
{
	int64_t interval, room, next, arrival;

	if (rate->rate == 0)
		return true;
	/* Rounded up, so that a second never holds one more than the rate. */
	interval = (NS_PER_S + rate->rate - 1) / rate->rate;
	room = interval * (rate->burst == 0 ? rate->rate : rate->burst);
	arrival = atomic_load_explicit(bucket, memory_order_relaxed);
	for (;;) {
		int64_t from = arrival > now_ns ? arrival : now_ns;
		bool fits;

		/* Left by a slower rate: empty is as empty as this rate's bucket can be. */
		if (from - now_ns > room + SKEW_NS)
			from = now_ns + room;
		next = from + interval;
		fits = next - now_ns <= room;
		if (!fits && from == arrival)
			break;
		if (atomic_compare_exchange_weak_explicit(bucket, &arrival, fits ? next : from,
							  memory_order_relaxed,
							  memory_order_relaxed)) {
			if (fits)
				return true;
			break;
		}
	}
	*retry_ms = (next - room - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return false;
}
