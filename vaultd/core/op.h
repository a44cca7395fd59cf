/*
 * The context of one operation: time, identity, keys and memory arrive here, so a handler is a
 * plain function and a unit test. Made by dispatch; the handlers in ops/ and what they call in
 * core/ see nothing else.
 */
#ifndef CORE_OP_H
#define CORE_OP_H

#include "vaultd/base/clock.h"
#include "vaultd/base/random.h"
#include "vaultd/core/cache.h"
#include "vaultd/core/vault.h"

struct finder;
struct prepared;
struct session;
struct tenant;

/*
 * What a restore needs to do a change again that a backup lacks, where the audit's record would not
 * tell it: numbers, by operation; core/restore_replay.h says which. Without them it refuses more.
 */
#define OP_AGAIN_MAX 8

/* What the audit is told about an operation besides what dispatch knows. */
struct op_note {
	struct row_key
		target;	 /* of the record that the operation is about; kind 0: none was found */
	uint32_t tenant; /* number of one that was just made */
	uint32_t version;
	uint8_t reason;		  /* enum verify_reason; 0: none */
	struct vault_text jti;	  /* as a token that was looked at has it */
	const uint8_t *jti_bytes; /* of a token made here: AUDIT_JTI_BYTES */
	struct vault_text id;	  /* of what has one besides its name */
	bool replayed;		  /* answered as an earlier request was; nothing was done */
	int64_t again[OP_AGAIN_MAX];
	uint8_t again_count;
};

/* What happened to a secret, for who watches; texts point into the request. */
struct secret_news {
	enum secret_event event; /* 0: nothing did */
	uint32_t version;
	struct vault_text tenant;
	struct vault_text name;
};

/* What is to happen once the operation's change is durable, and not before. */
struct op_effects {
	struct tenant_slot *reserved_slot;     /* reserved numbers of token ids ... */
	uint64_t reserved;		       /* ... up to here */
	struct tenant_slot *touched;	       /* this tenant's caches no longer count */
	struct session *mfa_session;	       /* gave a one-time code, ... */
	int64_t mfa_until_ms;		       /* ... which counts until then */
	struct secret_news secret;	       /* to be told */
	enum event_kind told;		       /* likewise: an event of that kind ... */
	char told_tenant[TENANT_NAME_MAX + 1]; /* ... about that tenant */
	bool policy_changed;		       /* a role or a grant */
	bool opened;			       /* the vault is open */
	bool tenant_created;
	int64_t drilled_at; /* a rehearsal of a backup went well; 0: none */
	bool tenant_removed;
	bool sweep;	   /* left work to be swept (core/sweep.h) */
	int64_t backup_at; /* a backup of that moment was fetched whole; 0: none */
	bool keep; /* what was changed stays also where the request is answered with an error */
};

struct op {
	const struct op_row *row;
	struct vault *vault;
	const struct identity *who;
	struct session *session; /* whose who it is; only auth.* writes it */
	struct clock_now now;
	struct txn *txn;
	uint64_t snapshot;	     /* the commit counter before txn took its snapshot */
	struct change *change;	     /* NULL but on the committer */
	const struct policy *policy; /* NULL while sealed */
	struct cache *cache;
	struct finder *finder; /* NULL on the committer */
	struct random_pool *random;
	struct scratch *scratch; /* what replies may point into */
	struct buf *work;	 /* for text under construction; anyone's, within one function */
	const void *listing;	 /* the request of a list whose items depend on it */
	struct op_common common;
	const struct tenant *tenant;   /* NULL where the operation has none */
	struct vault_opening *opening; /* sys.init, sys.unseal: what the slow lane prepared */
	struct prepared *prepared;     /* likewise of others; NULL on a worker */
	struct fail fail;
	struct op_note note;
	struct op_effects effects;
	struct subscription *subscription; /* sys.watch: what it made; dispatch takes it over */
	bool deferred; /* the handler asks to be run again, whole, on the committer */
};

/* Adds a number; beyond OP_AGAIN_MAX none counts, and the restore takes the safe side. */
static inline void
op_note_again(struct op *op, int64_t v)
{
	struct op_note *note = &op->note;

	if (note->again_count < OP_AGAIN_MAX)
		note->again[note->again_count] = v;
	note->again_count++;
}

/*
 * Why the operation fails, so that a failing line reads "return op_fail(...)"; field and message
 * may be NULL.
 */
static inline enum vault_err
op_fail(struct op *op, enum vault_err err, const char *field, const char *message)
{
	return fail_with(&op->fail, err, field, message);
}

/*
 * Whether a commit came after the operation's snapshot; never on the committer. Who reads a
 * tenant's generation and then finds the snapshot not stale knows that it holds everything up to
 * that generation, because commits are counted first.
 */
static inline bool
op_stale(const struct op *op)
{
	return op->change == NULL &&
	       atomic_load_explicit(&op->vault->commits, memory_order_acquire) != op->snapshot;
}
/* Moves the snapshot on if it is stale. Views into the store's own bytes end with it. */
MUST_USE enum vault_err op_refresh(struct op *op);

/*
 * Whether the caller may do that: for what only a handler knows, which is the tenant or the name of
 * an operation (OP_LATE_TENANT, OP_LATE_NAME), or what one operation asks of another. VAULT_DENIED,
 * VAULT_MFA_REQUIRED. name.p NULL: any name that a grant allows will do.
 */
MUST_USE enum vault_err op_require(struct op *op, enum op_id id, struct vault_text tenant,
				   struct vault_text name);
/*
 * Whose right it is that the caller asks by, as what is made by it remembers (his own, his group's,
 * or that of who made the key he logged in with).
 */
MUST_USE enum vault_err op_creator(struct op *op, struct vault_text *principal);
/* Who asks, as grants, answers and records name it ("uid:N", "key:TENANT/ID"); in the operation's memory. */
MUST_USE enum vault_err principal_of(struct op *op, struct vault_text *principal);

/* Copies what must outlive its source into the operation's memory; VAULT_BUSY when that is full. */
MUST_USE enum vault_err op_keep_text(struct op *op, struct vault_text from, struct vault_text *to);
MUST_USE enum vault_err op_keep_bytes(struct op *op, struct vault_bytes from,
				      struct vault_bytes *to);

#endif
