/*
 * Making and changing API keys, on the committer.
 */
#ifndef CORE_APIKEY_CHANGE_H
#define CORE_APIKEY_CHANGE_H

#include "vaultd/core/apikey.h"

/* APIKEY_FIELDS of a request, whichever it is. */
struct apikey_settings {
	int kind;
	struct vault_text env; /* p NULL: live */
	struct vault_texts scopes;
	struct vault_text role;
	struct vault_opt_int expires_at;
	struct vault_texts sources;
	struct vault_opt_int uses;
	const struct apikey_refill *refill;
	const struct apikey_limit *limit;
	struct vault_text owner;
	struct vault_map metadata;
};
#define APIKEY_SETTINGS(req)                                                                       \
	{                                                                                          \
		(req)->kind.v, (req)->env, (req)->scopes, (req)->role, (req)->expires_at,          \
			(req)->sources, (req)->uses, (req)->refill, (req)->limit, (req)->owner,    \
			(req)->metadata                                                            \
	}

/*
 * A record with these settings, made now, of op->tenant; neither id nor secret yet.
 * VAULT_INVALID_PARAMS naming the field.
 */
MUST_USE enum vault_err apikey_new(struct op *op, struct vault_text name,
				   const struct apikey_settings *settings, struct apikey *key);
/*
 * Gives it an id and a secret and writes it. text: the whole key, in the operation's memory, which
 * is wiped. VAULT_CONFLICT where the tenant has its primary keys already.
 */
MUST_USE enum vault_err apikey_issue(struct op *op, struct apikey *key, struct vault_text *text);
/* Writes one that was issued elsewhere. VAULT_EXISTS where its id or hash is there. */
MUST_USE enum vault_err apikey_import(struct op *op, const struct apikey_import_req *req,
				      struct apikey *key);

MUST_USE enum vault_err apikey_update(struct op *op, const struct apikey_update_req *req);
/* The key that takes another's place, and what becomes of the other. */
MUST_USE enum vault_err apikey_rotate(struct op *op, const struct apikey_rotate_req *req,
				      struct apikey_rotate_res *res);
MUST_USE enum vault_err apikey_revoke(struct op *op, struct vault_text id,
				      struct vault_text reason);
/* Every key of the kind (0: any) made before a time: one row, however many they are. */
MUST_USE enum vault_err apikey_revoke_before(struct op *op, int64_t created_before, int kind,
					     struct vault_text reason);
MUST_USE enum vault_err apikey_delete(struct op *op, struct vault_text id);

/* What the audit is told that an update did, for a restore; part of the audit's format. */
enum apikey_update_mark {
	APIKEY_UPDATE_DISABLED = 1,
	APIKEY_UPDATE_ENABLED = 2,
	APIKEY_UPDATE_NARROWED = 4, /* perhaps: scopes, sources, limit or expiry */
};
/* Parts of the above, whoever asks. */
MUST_USE enum vault_err apikey_remove(struct op *op, struct apikey *key);
MUST_USE enum vault_err apikey_cut_add(struct op *op, int64_t created_before, int kind,
				       struct vault_text reason);

/* The parts that several changes share. */

/* Fills the fields; VAULT_INVALID_PARAMS naming them. */
MUST_USE enum vault_err apikey_set_scopes(struct op *op, struct apikey_record *rec,
					  const struct vault_texts *scopes);
MUST_USE enum vault_err apikey_set_sources(struct op *op, struct apikey_record *rec,
					   const struct vault_texts *sources);
MUST_USE enum vault_err apikey_set_name(struct op *op, struct apikey_record *rec,
					struct vault_text name);
/* The MAC of a secret, or of an imported key's hash. */
MUST_USE enum vault_err apikey_set_mac(struct op *op, struct apikey_record *rec,
				       struct vault_bytes secret);
/* An imported key is no longer found by its text. */
MUST_USE enum vault_err apikey_forget_hash(struct op *op, struct vault_bytes mac);
/*
 * Gives the key a role (p NULL: none) that is there, not of class admin and within what the caller,
 * who from then on stands for it, may do himself. VAULT_INVALID_PARAMS or VAULT_DENIED, naming the
 * field "role".
 */
MUST_USE enum vault_err apikey_set_role(struct op *op, struct apikey_record *rec,
					struct vault_text role);
/* Counts it among the primary keys of op->tenant, or no longer. VAULT_CONFLICT where there are enough. */
MUST_USE enum vault_err apikey_primary_add(struct op *op, const struct apikey *key);
MUST_USE enum vault_err apikey_primary_remove(struct op *op, const struct apikey *key);

#endif
