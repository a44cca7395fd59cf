/*
 * How durations and times are written on the command line and shown.
 */
#ifndef VAULTCTL_UNITS_H
#define VAULTCTL_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* "90d", "12h", "15m", "30s", "1d12h", or seconds. */
bool unit_duration(const char *s, int64_t *seconds);
/* RFC 3339, seconds since 1970, "now", or a duration from now with its sign ("-1h", "+90d"). */
bool unit_time(const char *s, int64_t now, int64_t *seconds);
/* A decimal integer and nothing else. */
bool unit_int(const char *s, int64_t *v);

#define UNIT_TEXT_MAX 64
/* "7d", "1h30m": the two largest units. */
void unit_show_duration(char out[static UNIT_TEXT_MAX], int64_t seconds);
/* "3m ago", "in 89d" */
void unit_show_age(char out[static UNIT_TEXT_MAX], int64_t time, int64_t now);
/* "2026-11-23T02:27:59Z" */
void unit_show_time(char out[static UNIT_TEXT_MAX], int64_t time);

/* "512 B", "1.4 GiB" */
void unit_show_bytes(char out[static UNIT_TEXT_MAX], uint64_t bytes);

#endif
