/*
 * Counts durations in buckets that grow with the value, so that any quantile is right to three
 * significant digits (a bucket is at most 1/1024 of its value wide) from a nanosecond to two
 * minutes.
 */
#ifndef VAULT_BENCH_HISTOGRAM_H
#define VAULT_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* 1024 buckets for each power of two; below 2048 every value has its own. */
#define HISTOGRAM_STEP_BITS 10
/* The highest power of two told apart: 2^37 ns; longer durations count as that. */
#define HISTOGRAM_TOP_BITS 37
#define HISTOGRAM_SLOTS                                                                            \
	((size_t)(HISTOGRAM_TOP_BITS - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS)

/* Starts as all zero. */
struct histogram {
	uint64_t total;
	uint64_t max; /* exact, ns */
	uint64_t counts[HISTOGRAM_SLOTS];
};

void histogram_add(struct histogram *h, uint64_t ns);

/*
 * The duration that the share q (0 to 1) of all counted did not exceed: the upper end of its
 * bucket, never above the exact maximum; 0 where nothing was counted.
 */
uint64_t histogram_quantile(const struct histogram *h, double q);

#endif
