/*
 * What is printed at the end.
 */
#ifndef VAULT_BENCH_REPORT_H
#define VAULT_BENCH_REPORT_H

#include "tools/vault-bench/target.h"

/* targets[kind] is NULL where it was not measured. */
void report_text(const struct options *options, struct target *const targets[TARGET_COUNT]);
/*
 * One line, one object: the vault's figures under plain names, the others' with the prefix echo_,
 * floor_ or redis_, and the ratios ratio_echo and ratio_redis. Rates are requests a second, times
 * microseconds.
 */
void report_json(const struct options *options, struct target *const targets[TARGET_COUNT]);

#endif
