/*
 * The vault: what the threads of one daemon share. Who may write what, and when, stands beside each
 * member.
 */
#ifndef CORE_VAULT_H
#define CORE_VAULT_H

#include <stdatomic.h>

#include "vaultd/core/alerts.h"
#include "vaultd/core/anchor.h"
#include "vaultd/base/clock.h"
#include "vaultd/base/recipient.h"
#include "vaultd/core/audit.h"
#include "vaultd/core/audit_tree.h"
#include "vaultd/core/backups.h"
#include "vaultd/core/imports_table.h"
#include "vaultd/core/events.h"
#include "vaultd/core/keyring.h"
#include "vaultd/core/metrics.h"
#include "vaultd/core/lockout_table.h"
#include "vaultd/core/policy.h"
#include "vaultd/core/sealed_log.h"
#include "vaultd/core/slots.h"
#include "vaultd/core/tenants.h"
#include "vaultd/core/unseal_guard.h"
#include "vaultd/core/unseal_shares.h"
#include "vaultd/core/work.h"
#include "vaultd/store/scrub.h"

struct apikey_used;
struct apikey_limits;

enum vault_state {
	STATE_UNINITIALIZED,
	STATE_SEALED,
	STATE_OPEN,
	STATE_SEALING, /* answers as sealed; keys are still there for what runs */
};

/* Fixed at start. Texts live as long as the vault. */
struct vault_settings {
	const char *version;
	const char *sandbox;
	const char *memory_lock;
	struct slot_cost slot_cost;
	uint32_t owner_uid; /* the daemon's own */
	int64_t started_boot_ms;
	uint8_t boot_id[BOOT_ID_BYTES]; /* zero: not known */
	bool audit_sync_always;
	const struct limit_plan *plans; /* what tenants' plans may be */
	size_t plan_count;
	unsigned spin_us;		    /* how long an idle worker polls before it sleeps */
	const struct recipient *recipients; /* whom backups may be encrypted to */
	size_t recipient_count;
	bool backup_passphrase; /* or to a passphrase */
};

/* Since when the clocks advance alike; see core/expiry.h. */
struct expiry_clock {
	int64_t wall, boot_ms;
	bool set;
};
/* Two clocks at one moment; wall 0: none. */
struct clock_tick {
	int64_t wall;
	int64_t boot_ms;
};
#define CLOCK_JUMP_SECONDS 300		 /* by which they may part before that is a jump */
#define CLOCK_HOLD_MS (24 * 3600 * 1000) /* how long after it nothing is deleted */

struct vault {
	struct vault_settings settings;
	struct arena *arena;
	struct store *store;
	struct audit *audit;
	struct audit_tree tree;	      /* the slow lane */
	struct anchor anchor;	      /* locked by itself */
	_Atomic bool anchored;	      /* the committed head says that there is an anchor */
	bool head_anchored;	      /* the committer: the head that is being committed does */
	struct sealed_log sealed_log; /* requests made while the audit did not run */
	struct events events;	      /* locked by itself, and so the next */
	struct alerts alerts;
	struct metrics metrics;
	struct tenants tenants;
	struct lockouts lockouts;
	_Atomic int state;	  /* enum vault_state; main and the committer */
	_Atomic uint64_t commits; /* counts commits; after the commit, before its generations */
	_Atomic uint64_t tenant_count; /* the committer */
	_Atomic bool cancel;	       /* long jobs end: the vault is being sealed */
	struct keyring keyring;	       /* the committer while not open; read by all while open */
	struct policy_source policy;   /* the committer, after a commit */
	struct unseal_guard guard;     /* the slow lane */
	struct unseal_shares shares;   /* given so far */
	uint8_t audit_key[32];	       /* likewise: the public key of the audit's first epoch */
	_Atomic uint64_t head_segment; /* the audit's segment that the committed head names */
	struct row head_row; /* the committer: where the head stands; holds no plain text */
	uint64_t revision;   /* the committer: counts groups of changes */
	/* The committer: sums over the store's tables as committed, and with what is being so. */
	struct store_sums sums, next_sums;
	struct clock_tick tick;	      /* the committer: the clocks at the last group */
	int64_t deletes_from_boot_ms; /* the committer: after a jump of the wall clock nothing is
					 deleted before */
	_Atomic bool sweep;	      /* something may be left to be swept; the committer */
	struct scrub scrub;	      /* the committer: overwriting free pages ... */
	uint64_t scrub_from;	      /* ... began at this revision */
	uint64_t scrubbed;	    /* what the last one that ended began at; 0: none in this run */
	_Atomic int64_t due_next;   /* the committer: when something is due next, in wall seconds */
	uint32_t next_tenant;	    /* the committer */
	struct backups backups;	    /* the slow lane */
	_Atomic int64_t last_drill; /* the committer: when the last good one was; 0: none */
	struct imports imports;	    /* the slow lane */
	_Atomic int64_t last_backup; /* the committer: the moment that the newest is of; 0: none */
	struct expiry_clock expiry_clock; /* the committer */
	struct audit_rekey *audit_next; /* the committer: what it goes over to behind this group */
	struct work work[WORK_PLACES];	/* each by its thread */
	/* When API keys were used; made by the first that is. */
	_Atomic(struct apikey_used *) apikey_used;
	_Atomic(struct apikey_limits *) apikey_limits; /* likewise, by the first that has one */
};

#define INITIAL_SLOT "initial"

static inline enum vault_state
vault_state(const struct vault *vault)
{
	return (enum vault_state)atomic_load_explicit(&vault->state, memory_order_acquire);
}

/*
 * Reads what can be read without a key: whether there is a store. VAULT_UNSUPPORTED where a newer
 * build wrote it.
 */
MUST_USE enum vault_err vault_probe(struct vault *vault);

/*
 * What a slot's secret became on the slow lane, for the committer to end sys.init, sys.unseal or
 * slot.add with.
 */
/*
 * What vault_load found that an operator is to know, whether it goes well or not; zeros where there
 * was nothing. Core does not log.
 */
struct vault_findings {
	struct audit_difference differs; /* the audit, from what the store says of it */
	struct audit_rollback rollback;	 /* where opening->why is set */
	struct audit_recovery recovery;	 /* how the audit was begun */
	uint8_t format;			 /* the store's before it was brought to STORE_FORMAT */
};

struct vault_opening {
	struct slot_draft draft; /* sys.init, slot.add */
	struct slot_opened slot; /* sys.unseal; its root is empty while shares are needed */
	unsigned needed;	 /* shares that are missing yet */
	/* sys.unseal: a store or an audit that is older than it was is taken as it is, by whom. */
	bool accept_rollback;
	uint32_t uid, gid;
	int32_t pid;
	struct vault_findings found;
	const char *
		why; /* where a rollback may have been found: how; with VAULT_INTEGRITY or accepted */
};
void vault_opening_free(struct vault_opening *opening);

/* A try to open a slot, under the lockout. */
struct vault_attempt {
	const struct slot_secret *secret; /* of vault_try_share: bytes are the share's words */
	const struct clock_now *now;
	int64_t retry_ms; /* set with VAULT_LOCKED */
};
/*
 * As slots_open, but VAULT_LOCKED while locked, and a wrong secret counts before it is answered.
 * VAULT_INTERNAL where it could not be counted.
 */
MUST_USE enum vault_err vault_try_slots(struct vault *vault, struct txn *txn,
					struct vault_attempt *attempt, struct slot_opened *opened);

/*
 * The same with a share: VAULT_OK too where more are needed, which *needed then says. A share that
 * is malformed, VAULT_INVALID_PARAMS, does not count as a try.
 */
MUST_USE enum vault_err vault_try_share(struct vault *vault, struct txn *txn,
					struct vault_attempt *attempt,
					struct vault_opening *opening);

/* On the committer, in its change: makes a vault; audit_key gets the first epoch's public key. */
MUST_USE enum vault_err vault_create(struct vault *vault, struct change *change,
				     struct vault_opening *opening, int64_t now,
				     uint8_t audit_key[static 32]);
/*
 * On the committer: loads the keys, the grants and the lockouts, and recovers the audit to the
 * store's head. VAULT_INTEGRITY, with opening->why, where the store or its audit is older than the
 * anchor says, or the anchor is not there or not this store's, unless that is accepted; what was
 * accepted is in the audit, its flush still to come.
 */
MUST_USE enum vault_err vault_load(struct vault *vault, struct txn *txn,
				   struct vault_opening *opening, const struct clock_now *now);
/*
 * A restore, on its one thread. First the keys, grants and lockouts of the store that the backup
 * made, without an audit; VAULT_INTEGRITY where the root key is another store's. Then, once it is
 * what it is to be, a new audit; *format: the one that the store was of.
 */
MUST_USE enum vault_err vault_restore_open(struct vault *vault, struct txn *txn,
					   struct slot_opened *root, const struct clock_now *now);
MUST_USE enum vault_err vault_restore_begin(struct vault *vault, struct txn *txn, uint8_t *format);
/* Behind a commit that carried this head: what the anchor is to say. */
void vault_committed(struct vault *vault, const struct audit_head *head);
/* The head of that snapshot; *head points into the row. */
#define SUMS_BYTES (TABLE_COUNT * SUM_BYTES) /* sums of all tables, in a head */
MUST_USE enum vault_err vault_find_head(struct vault *vault, struct txn *txn, struct row *row,
					struct store_head *head);
/* What the audit is to know of the slots in the store, and of these keys, which are borrowed. */
MUST_USE enum vault_err vault_audit_keys(struct vault *vault, struct txn *txn,
					 const struct secret *wrap_keys, struct audit_keys *keys);
/* Writes the head that every commit carries. */
MUST_USE enum vault_err vault_put_head(struct vault *vault, struct txn *txn,
				       const struct audit_head *head);
/*
 * On the committer, at each group: whether the wall clock jumped since the last one, in this run or
 * an earlier one of the same boot.
 */
bool vault_tick(struct vault *vault, const struct clock_now *now);
/* On the committer: after a jump what is due to be deleted waits, because it may not be as late. */
static inline bool
vault_deletes_held(const struct vault *vault, const struct clock_now *now)
{
	return now->boot_ms < vault->deletes_from_boot_ms;
}

/* Frees every key. Only while no other thread runs an operation. */
void vault_forget(struct vault *vault);

#endif
