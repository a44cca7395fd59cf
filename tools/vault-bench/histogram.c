#include "tools/vault-bench/histogram.h"

#define TOP ((UINT64_C(1) << HISTOGRAM_TOP_BITS) - 1)

/* How far a value is shifted to leave STEP_BITS + 1 significant bits. */
static unsigned
shift_of(uint64_t ns)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(ns | 1);

	return bits > HISTOGRAM_STEP_BITS + 1 ? bits - HISTOGRAM_STEP_BITS - 1 : 0;
}

/* Slots of shift s start at s << STEP_BITS plus the leading bit that every shifted value has. */
static size_t
slot_of(uint64_t ns)
{
	unsigned shift = shift_of(ns);

	return ((size_t)shift << HISTOGRAM_STEP_BITS) + (size_t)(ns >> shift);
}

/* One above the highest value that falls into the slot. */
static uint64_t
slot_end(size_t slot)
{
	size_t shift = slot >> HISTOGRAM_STEP_BITS;

	if (shift > 0)
		shift--;
	return ((uint64_t)(slot - (shift << HISTOGRAM_STEP_BITS)) + 1) << shift;
}

void
histogram_add(struct histogram *h, uint64_t ns)
{
	h->counts[slot_of(ns > TOP ? TOP : ns)]++;
	h->total++;
	if (ns > h->max)
		h->max = ns;
}

uint64_t
histogram_quantile(const struct histogram *h, double q)
{
	double wanted = q * (double)h->total;
	uint64_t seen = 0;

	for (size_t slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
		uint64_t end;

		seen += h->counts[slot];
		if (h->counts[slot] == 0 || (double)seen < wanted)
			continue;
		end = slot_end(slot) - 1;
		return end < h->max ? end : h->max;
	}
	return h->max;
}
