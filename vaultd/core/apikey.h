/*
 * API keys as they stand in the store. A key's row belongs to its tenant and is listed there in the
 * order of creation; an index of tenant 0 leads from an id's tag to the tenant and the row, so that
 * a key can be verified before anyone knows whose it is.
 *
 * Nothing of a key is cached: verifying reads the newest commit, so that what was revoked is refused
 * by the next request on every connection, and memory does not grow with the number of keys.
 */
#ifndef CORE_APIKEY_H
#define CORE_APIKEY_H

#include "vaultd/core/tenant.h"
#include "vaultd/crypto/mac.h"

#define APIKEY_MAC_BYTES 32
#define APIKEY_PRIMARY_MAX 2 /* keys of kind primary in a tenant */

/* A key's row, opened into the operation's memory. */
struct apikey {
	struct row row; /* its plain is empty: an opened record holds no secret */
	struct apikey_record rec;
};

/*
 * What a tenant's keys have in common, in the thread's cache: the prepared pepper, and "all made
 * before then are revoked".
 */
#define APIKEY_CUTS_MAX 32
struct apikey_cut_rule {
	int kind; /* enum apikey_kind; 0: any */
	int64_t created_before;
	uint64_t row; /* only rows before this one */
	int64_t at;
};
struct apikey_tenant {
	struct cache_entry entry;
	struct mac_key pepper;
	struct apikey_cut_rule cuts[APIKEY_CUTS_MAX];
	size_t n;
};
/* Of op->tenant; valid until the operation ends. */
MUST_USE enum vault_err apikey_tenant(struct op *op, const struct apikey_tenant **out);

/* An id's place in the index of tenant 0: kind ROW_APIKEY_ID or ROW_APIKEY_FOREIGN. */
struct row_key apikey_id_place(struct op *op, enum row_kind kind, uint32_t tenant,
			       struct vault_text id);
/* What a row is bound to that the index has at this place. */
struct row_key apikey_place_bound(const struct row_key *place);
/* Where a tenant's list has the key. */
struct row_key apikey_listed(const struct apikey *key);
/* Turns the key that a tenant's list holds a row under into the one that it is bound to. */
void apikey_bound(struct row_key *key);

/* A key that an id or a text may be of. */
struct apikey_candidate {
	const struct tenant *tenant;
	struct apikey key;
	/*
	 * Whether the id is this key's. Where it is nobody's the candidate is another key, so that
	 * telling it off takes the work of a wrong secret.
	 */
	bool known;
};
/*
 * The key of an id that this vault made, or a stand-in. VAULT_NOT_FOUND where there is no key at
 * all.
 */
MUST_USE enum vault_err apikey_candidate(struct op *op, struct vault_text id,
					 struct apikey_candidate *c);
/* The imported key of op->tenant that the text is, or VAULT_NOT_FOUND. */
MUST_USE enum vault_err apikey_foreign(struct op *op, struct vault_text text,
				       struct apikey_candidate *c);
/*
 * Whether the secret is the candidate's: the same work and time whatever differs. The MAC is made
 * under the pepper of the candidate's tenant.
 */
MUST_USE bool apikey_match(const struct apikey_candidate *c, const struct apikey_tenant *common,
			   struct vault_bytes secret);

/* By id, in op->tenant, whoever asks. VAULT_NOT_FOUND also for one that was deleted. */
MUST_USE enum vault_err apikey_by_id(struct op *op, struct vault_text id, struct apikey *key);
/*
 * The same for the caller of op->row, who must be one that may do so to a key of its name: as
 * op_require(). VAULT_NOT_FOUND naming the field "id". Notes it for the audit.
 */
MUST_USE enum vault_err apikey_find(struct op *op, struct vault_text id, struct apikey *key);
/* The name of a key that the audit knows by its id; also of a deleted one. VAULT_NOT_FOUND. */
MUST_USE enum vault_err apikey_name_of(struct op *op, struct vault_text id,
				       struct vault_text *name);
/* Opens the row that key->row.key and id name. */
MUST_USE enum vault_err apikey_open(struct op *op, const struct tenant *tenant, struct apikey *key);
/* Writes it: a new one (row.id 0) listed by its time of creation, or over the old. */
MUST_USE enum vault_err apikey_write(struct op *op, struct apikey *key);
/* Tells the audit which key the operation is about. */
void apikey_note(struct op *op, const struct apikey *key);

/* When it was revoked, by itself or with others; 0: it was not. */
int64_t apikey_revoked_at(const struct apikey *key, const struct apikey_tenant *common);
enum apikey_state apikey_state(const struct apikey *key, const struct apikey_tenant *common,
			       const struct clock_now *now);
/* When it ends, be it by expiry or by a rotation's grace; 0: never. */
int64_t apikey_ends_at(const struct apikey_record *rec);

#endif
