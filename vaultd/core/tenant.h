/*
 * Tenants: their keys, their record, and the numbers of the token ids they give out.
 */
#ifndef CORE_TENANT_H
#define CORE_TENANT_H

#include "vaultd/base/bytes.h"
#include "vaultd/core/lockout_table.h"
#include "vaultd/core/op.h"

/* An open tenant, in a thread's cache. */
struct tenant {
	struct cache_entry entry;
	struct tenant_slot *slot;
	uint64_t loaded_at; /* the slot's generation before the store was read */
	struct row_keys keys;
	struct secret pepper;
	enum tenant_state state;
	struct limit_rate limits[LIMIT_CLASSES]; /* its own, else its plan's, else the defaults */
	struct lockout_rule source_rule;	 /* failures 0: sources are not limited */
	enum key_lockout key_lockout;
	uint8_t revoked; /* bits 1 << (kind - ROW_TOKEN_REVOKED): there are such rows */
	char name[TENANT_NAME_MAX + 1];
	uint8_t name_len;
};

static inline struct vault_text
tenant_name_of(const struct tenant *tenant)
{
	return (struct vault_text){ tenant->name, tenant->name_len };
}

/*
 * The tenant of that name, valid until the operation ends. VAULT_NOT_FOUND, VAULT_INTEGRITY,
 * VAULT_BUSY.
 */
MUST_USE enum vault_err tenant_get(struct op *op, struct vault_text name,
				   const struct tenant **tenant);

/*
 * What entries of the operation's tenant are cached under. On the committer it is the operation
 * itself: its group may hold changes that no generation tells of yet.
 */
static inline uint64_t
tenant_generation(const struct op *op)
{
	if (op->change != NULL)
		return op->cache->operation;
	return atomic_load_explicit(&op->tenant->slot->generation, memory_order_acquire);
}

/* Whether rows of that kind refuse tokens: ROW_TOKEN_REVOKED and the two kinds after it. */
static inline bool
tenant_revokes(const struct tenant *tenant, enum row_kind kind)
{
	return (tenant->revoked >> (kind - ROW_TOKEN_REVOKED) & 1) != 0;
}

/* The number of the tenant whose wrapped keys stand under that key. */
static inline uint32_t
tenant_wraps_number(const struct row_key *key)
{
	return get_be32(key->tag);
}

/* On the committer. VAULT_EXISTS where the name is taken. display_name and labels may be absent. */
MUST_USE enum vault_err tenant_create(struct op *op, const struct tenant_create_req *req);

/*
 * On the committer: changes what the request gives. VAULT_INVALID_PARAMS names a plan that is not
 * configured, an origin of another form, and what cannot be cleared.
 */
MUST_USE enum vault_err tenant_update(struct op *op, const struct tenant_update_req *req);
MUST_USE enum vault_err tenant_settings(struct op *op, const struct tenant_settings_req *req);
/* Likewise; setting the state that it has changes nothing and is no error. */
MUST_USE enum vault_err tenant_set_state(struct op *op, enum tenant_state state);

/* The record as it stands; views are valid until the operation ends. */
MUST_USE enum vault_err tenant_describe(struct op *op, struct vault_text name,
					struct tenant_get_res *res);
/* A page of the store's tenants. */
MUST_USE enum vault_err tenant_page(struct op *op, const struct tenant_list_req *req,
				    struct tenant_list_res *res);

/* The name behind a number; VAULT_NOT_FOUND where it was erased. */
MUST_USE enum vault_err tenant_name_by_number(struct op *op, uint32_t number,
					      struct vault_text *name);

/* The tenant of that number, as tenant_get; VAULT_NOT_FOUND where it was erased. */
MUST_USE enum vault_err tenant_by_number(struct op *op, uint32_t number,
					 const struct tenant **tenant);

/* A row of tenant 0 that is found by a tenant's number: its tag is the number, big-endian. */
struct row_key tenant_numbered(enum row_kind kind, uint32_t number);
/* A tenant's wrapped keys; views are valid until the transaction writes. VAULT_NOT_FOUND. */
MUST_USE enum vault_err tenant_read_wraps(struct op *op, uint32_t number,
					  struct tenant_wraps *wraps);
/* The tenant key, which the others are wrapped under; VAULT_INTEGRITY. */
MUST_USE enum vault_err tenant_unwrap(struct op *op, uint32_t number,
				      const struct tenant_wraps *wraps, struct secret *key);
/* On the committer: new random keys of a tenant that stands under that name. */
MUST_USE enum vault_err tenant_new_wraps(struct op *op, uint32_t number,
					 const struct row_key *name);
/* The tenant's own, under a new tenant key and no name yet; then the name. */
MUST_USE enum vault_err tenant_put_wraps(struct op *op, const struct tenant *tenant);
MUST_USE enum vault_err tenant_name_wraps(struct op *op, uint32_t number,
					  const struct row_key *name);
/* In the place of what they were; what wraps points to may stand in their row. */
MUST_USE enum vault_err tenant_write_wraps(struct op *op, uint32_t number,
					   const struct tenant_wraps *wraps);
/*
 * On the committer: the operation changed its tenant's keys, so no cached copy of them counts any
 * more, not even for what follows in the same group.
 */
void tenant_changed(struct op *op);
/* Has who watches told of the event once the change is durable. */
void tenant_tell(struct op *op, enum event_kind kind, struct vault_text name);
#define RECORD_KEYS_MAX 2 /* generations of a tenant's record key at a time */

/*
 * The next issuance number of the tenant's token ids: every token made before one has a smaller
 * number. On a worker it may answer VAULT_BUSY with op->deferred set when the durable reservation
 * is used up; on the committer it reserves more.
 */
MUST_USE enum vault_err tenant_issue(struct op *op, uint64_t *number);
/*
 * On the committer: the number that divides the token ids made until now, all below it, from those
 * to come.
 */
MUST_USE enum vault_err tenant_next_number(struct op *op, uint64_t *number);
/* No token id of the tenant has this number or a higher one. */
MUST_USE enum vault_err tenant_reserved(struct op *op, uint64_t *number);

#endif
