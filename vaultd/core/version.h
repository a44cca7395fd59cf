/*
 * Which of a key's versions signs, and what state each is in, worked out from their times alone, in
 * one place.
 */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

#include "protocol/ops.h"

/* A version's times, in seconds since 1970. */
struct version_times {
	uint32_t version;
	int64_t signs_at;
	int64_t retires_at; /* 0: no end is set */
	int64_t revoked_at; /* 0: not revoked */
};

/* Revoked before its time to sign came: it never was, and never becomes, the current one. */
static inline bool
version_withdrawn(const struct version_times *times)
{
	return times->revoked_at != 0 && times->revoked_at < times->signs_at;
}

/* Whether its time to sign has come; the newest such version is the current one, revoked or not. */
static inline bool
version_begun(const struct version_times *times, int64_t now)
{
	return times->signs_at <= now && !version_withdrawn(times);
}

static inline bool
version_waits(const struct version_times *times, int64_t now)
{
	return times->signs_at > now && times->revoked_at == 0;
}

/* current: the number of the current version, 0 where there is none. */
static inline enum version_state
version_state_of(const struct version_times *times, uint32_t current, int64_t now)
{
	if (times->revoked_at != 0)
		return version_state_revoked;
	if (times->signs_at > now)
		return version_state_next;
	if (times->version == current)
		return version_state_current;
	return times->retires_at != 0 && times->retires_at <= now ? version_state_retired
								  : version_state_retiring;
}

#endif
