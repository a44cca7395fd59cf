#include "tools/vault-bench/report.h"

#include <inttypes.h>
#include <stdio.h>

static double
micros(const struct target *target, double q)
{
	return (double)histogram_quantile(&target->result->latency, q) * 1e-3;
}

static double
ratio(struct target *const targets[TARGET_COUNT], enum target_kind peer)
{
	double rate = targets[peer] == NULL ? 0 : target_rate(targets[peer]);

	return targets[TARGET_VAULT] == NULL || rate <= 0
		       ? 0
		       : target_rate(targets[TARGET_VAULT]) / rate;
}

static void
text_row(const char *name, const struct target *target)
{
	if (target == NULL)
		return;
	printf("%-14s %12.0f %9.1f %9.1f %9.1f %9.1f %8" PRIu64 " %10.2f\n", name,
	       target_rate(target), micros(target, 0.5), micros(target, 0.99),
	       micros(target, 0.999), (double)target->result->latency.max * 1e-3,
	       target->result->errors, target->result->cpu);
}

void
report_text(const struct options *options, struct target *const targets[TARGET_COUNT])
{
	printf("%" PRIu64 " connections, %" PRIu64 " in flight on each, %" PRIu64 " round%s\n",
	       options->connections, options->in_flight, options->rounds,
	       options->rounds == 1 ? "" : "s");
	printf("%-14s %12s %9s %9s %9s %9s %8s %10s\n", "", "requests/s", "p50 us", "p99 us",
	       "p99.9 us", "max us", "errors", "client CPU");
	text_row("bare echo", targets[TARGET_ECHO]);
	text_row("floor", targets[TARGET_FLOOR]);
	text_row(options->method, targets[TARGET_VAULT]);
	text_row("Redis GET", targets[TARGET_REDIS]);
	if (ratio(targets, TARGET_ECHO) > 0)
		printf("%s / echo: %.2f\n", options->method, ratio(targets, TARGET_ECHO));
	if (ratio(targets, TARGET_REDIS) > 0)
		printf("%s / Redis GET: %.2f\n", options->method, ratio(targets, TARGET_REDIS));
}

static void
json_target(const char *prefix, const struct target *target)
{
	if (target == NULL)
		return;
	printf(",\"%sthroughput\":%.1f,\"%sp50_us\":%.2f,\"%sp99_us\":%.2f,\"%sp999_us\":%.2f,\"%"
	       "smax_us\":%.2f",
	       prefix, target_rate(target), prefix, micros(target, 0.5), prefix,
	       micros(target, 0.99), prefix, micros(target, 0.999), prefix,
	       (double)target->result->latency.max * 1e-3);
	printf(",\"%srequests\":%" PRIu64 ",\"%serrors\":%" PRIu64 ",\"%sclient_cpu\":%.2f", prefix,
	       target->result->latency.total, prefix, target->result->errors, prefix,
	       target->result->cpu);
}

void
report_json(const struct options *options, struct target *const targets[TARGET_COUNT])
{
	printf("{\"method\":\"%s\",\"connections\":%" PRIu64 ",\"in_flight\":%" PRIu64
	       ",\"rounds\":%" PRIu64,
	       options->method, options->connections, options->in_flight, options->rounds);
	if (options->count == 0)
		printf(",\"seconds\":%.3f", options->seconds);
	json_target("", targets[TARGET_VAULT]);
	json_target("echo_", targets[TARGET_ECHO]);
	json_target("floor_", targets[TARGET_FLOOR]);
	json_target("redis_", targets[TARGET_REDIS]);
	if (ratio(targets, TARGET_ECHO) > 0)
		printf(",\"ratio_echo\":%.4f", ratio(targets, TARGET_ECHO));
	if (ratio(targets, TARGET_REDIS) > 0)
		printf(",\"ratio_redis\":%.4f", ratio(targets, TARGET_REDIS));
	printf("}\n");
}
