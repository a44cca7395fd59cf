/*
 * What happened after a backup was taken, done again in the store that was made of it: what took
 * something away (docs/OPERATIONS.md, Restore). What gave something is lost with the backup's age.
 * Where a record does not tell enough the safe side is taken: more is refused than was.
 *
 * What op->note.again holds, by operation; numbers of which -1 means none:
 *   token.revoke of a subject or a profile   number, issued_at, before (struct token_rule_record)
 *   key.delete                               when it goes
 *   apikey.revoke of many                    created_before, kind
 *   apikey.rotate                            when the old key ends
 *   apikey.update                            bits, enum apikey_update_mark
 *   secret.delete, undelete, destroy         the versions; none: all
 *   role.put                                 ROLE_AGAIN_WORDS of bits by operation number
 *   auth.totp                                TOTP_AGAIN_STEP, or the recovery code's number
 */
#ifndef CORE_RESTORE_REPLAY_H
#define CORE_RESTORE_REPLAY_H

#include "vaultd/core/audit_record.h"
#include "vaultd/core/tenant.h"

/* What came of it, for who restores. */
struct restore_tally {
	uint64_t replayed; /* changes done again */
	uint64_t refused;  /* ... and such as cost more than they did */
	uint64_t dropped;  /* tenants */
	uint64_t slots;	   /* that should be gone, but of which the last has to stay */
	uint32_t highest_tenant;
};

/* The numbers of a record; n 0: it has none. */
struct restore_again {
	int64_t v[OP_AGAIN_MAX];
	size_t n;
};
struct restore_again restore_again_of(const struct audit_record *rec);

/*
 * Does one applied change again. op: of the restore's one thread, its clock set to the record's
 * time, its tenant not yet. What the store does not have is no error.
 */
MUST_USE enum vault_err restore_replay(struct op *op, const struct audit_record *rec,
				       struct restore_tally *tally);

/* The parts, each of its operations; op->tenant is set where there is one. *refused: as above. */
MUST_USE enum vault_err restore_replay_token(struct op *op, const struct audit_record *rec,
					     enum op_id id, bool *refused);
MUST_USE enum vault_err restore_replay_key(struct op *op, const struct audit_record *rec,
					   enum op_id id, bool *refused);
MUST_USE enum vault_err restore_replay_secret(struct op *op, const struct audit_record *rec,
					      enum op_id id, bool *refused);
MUST_USE enum vault_err restore_replay_apikey(struct op *op, const struct audit_record *rec,
					      enum op_id id, bool *refused);
MUST_USE enum vault_err restore_replay_policy(struct op *op, const struct audit_record *rec,
					      enum op_id id, bool *refused);
/* One-time codes. */
MUST_USE enum vault_err restore_replay_totp(struct op *op, const struct audit_record *rec,
					    enum op_id id, bool *refused);

/* Slots; VAULT_CONFLICT where it is the last one, which stays. */
MUST_USE enum vault_err restore_replay_slot(struct op *op, const struct audit_record *rec,
					    enum op_id id, bool *refused);

/* Removes every row and index entry of a tenant; VAULT_NOT_FOUND where there is none. */
MUST_USE enum vault_err restore_drop_tenant(struct op *op, uint32_t number);

/*
 * What every restore does to op->tenant: numbers that may have been given out since the backup are
 * never given out again.
 */
MUST_USE enum vault_err restore_raise_numbers(struct op *op);
/*
 * What a gap costs op->tenant: API keys with a number of uses are disabled, and every token issued
 * until now is refused. *keys: how many of them.
 */
MUST_USE enum vault_err restore_close_gap(struct op *op, uint64_t *keys);
/* Its part for API keys. */
MUST_USE enum vault_err restore_disable_limited(struct op *op, uint64_t *keys);

#endif
