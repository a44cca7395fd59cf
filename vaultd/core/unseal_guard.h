/*
 * The lockout of sys.unseal: five failures within 30 minutes lock it for 30 minutes; attempts while
 * locked do not extend it. Kept in a plain file, because nothing else can be read while sealed, so
 * that it survives a restart.
 */
#ifndef CORE_UNSEAL_GUARD_H
#define CORE_UNSEAL_GUARD_H

#include "protocol/error.h"
#include "vaultd/base/clock.h"

#define UNSEAL_FAILURES_MAX 5
#define UNSEAL_WINDOW_MS (30 * 60 * 1000)
#define UNSEAL_LOCK_MS (30 * 60 * 1000)

/* Times in milliseconds of CLOCK_BOOTTIME. */
struct unseal_guard {
	int dir; /* of STATE */
	uint8_t boot_id[BOOT_ID_BYTES];
	int64_t failures[UNSEAL_FAILURES_MAX];
	unsigned count;
	int64_t locked_until; /* 0: not locked */
};

/*
 * Reads the file in the directory dir (kept open by the caller); a missing or unreadable one is no
 * failures. boot_id: of this boot, zeros where it is not known; within one boot a moved wall clock
 * changes nothing.
 */
void unseal_guard_load(struct unseal_guard *guard, int dir,
		       const uint8_t boot_id[static BOOT_ID_BYTES], const struct clock_now *now);
/* VAULT_LOCKED, with *retry_ms, while locked. */
MUST_USE enum vault_err unseal_guard_check(struct unseal_guard *guard, const struct clock_now *now,
					   int64_t *retry_ms);
/*
 * Counts a failure, durably. VAULT_INTERNAL where it could not be written: then the attempt must
 * not be answered.
 */
MUST_USE enum vault_err unseal_guard_failed(struct unseal_guard *guard,
					    const struct clock_now *now);
/* Forgets the failures. */
MUST_USE enum vault_err unseal_guard_succeeded(struct unseal_guard *guard);

#endif
