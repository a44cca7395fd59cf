/*
 * Secrets of tenants: values that are given back. A secret is a row that carries its current
 * version while that is short; every other version has a row of its own. Changes to secrets touch
 * no generation, because nothing of a secret is ever cached.
 */
#ifndef CORE_SECRETS_H
#define CORE_SECRETS_H

#include "vaultd/core/op.h"

#define SECRET_INLINE_MAX 1024 /* bytes of a current value that stand in the secret's own row */
#define SECRET_KEEP_DEFAULT 10

/* What a version is marked with; part of the store's format. */
enum secret_mark { SECRET_LIVE = 0, SECRET_DELETED = 1, SECRET_DESTROYED = 2 };

/* Where a secret, and a version of it that has a row of its own, stands. */
struct row_key secret_place(const struct op *op, struct vault_text name);
struct row_key secret_version_place(const struct op *op, struct vault_text name, uint32_t version);

/* A version that is given out; everything stands in the operation's memory. */
struct secret_view {
	uint32_t version;
	int64_t created_at;
	struct vault_opt_int expires_at;
	struct vault_bytes value;
	struct vault_map metadata;
};
/*
 * The version of that number, or stage where it is 0. VAULT_NOT_FOUND where there is none, or it is
 * deleted or destroyed, and, unless expired too is asked for, where it has expired.
 */
struct secret_choice {
	struct vault_text name;
	uint32_t version;
	int stage; /* enum secret_stage; 0: current */
	bool expired_too;
};
MUST_USE enum vault_err secret_read(struct op *op, const struct secret_choice *choice,
				    struct secret_view *view);

/* secret.describe's answer from a secret's row; as a page_item too. */
MUST_USE enum vault_err secret_show(struct op *op, const struct row *row,
				    struct secret_describe_res *res);
/* When the secret must be rotated: by its period or its expiry, whichever is first; 0: never. */
int64_t secret_due_at(const struct secret_record *record);

/* A secret that is being changed. Opened, changed, written. */
struct secret_edit {
	struct row row;
	struct secret_record record;
	struct secret_entry entries[SECRET_VERSIONS_MAX]; /* but the current one, oldest first */
	size_t count;
	uint32_t current;   /* 0: only a pending version is there */
	uint32_t last;	    /* the highest number that was ever given out under the name */
	int64_t due;	    /* as the index has it */
	struct row loaded;  /* what a promoted version was read from */
	struct secret made; /* a generated value */
};
#define SECRET_EDIT_LOCAL(name)                                                                    \
	__attribute__((cleanup(secret_edit_free))) struct secret_edit name = { 0 }
void secret_edit_free(struct secret_edit *edit);

/* VAULT_NOT_FOUND where there is no such secret. */
MUST_USE enum vault_err secret_edit_open(struct op *op, struct vault_text name,
					 struct secret_edit *edit);
/* The same, or a new one that goes on counting where a destroyed one of that name ended. */
MUST_USE enum vault_err secret_edit_new(struct op *op, struct vault_text name,
					struct secret_edit *edit);
/* A version that is to be; its number and its time follow from the secret. */
struct secret_draft {
	struct vault_bytes value;
	struct vault_opt_int expires_at;
	struct vault_text owner;
	struct vault_map metadata;
	bool pending;
};
/* VAULT_CONFLICT where a pending version is to be and there is one. *version: its number. */
MUST_USE enum vault_err secret_edit_add(struct op *op, struct secret_edit *edit,
					const struct secret_draft *draft, int64_t *version);
/* The version must be the pending one, and not deleted: else VAULT_CONFLICT. */
MUST_USE enum vault_err secret_edit_promote(struct op *op, struct secret_edit *edit,
					    uint32_t version);
MUST_USE enum vault_err secret_edit_discard(struct op *op, struct secret_edit *edit,
					    uint32_t version);
/* Marks versions (n 0: all that may be): SECRET_DELETED, or SECRET_LIVE to bring them back. */
MUST_USE enum vault_err secret_edit_mark(struct op *op, struct secret_edit *edit,
					 const struct vault_ints *versions, enum secret_mark mark);
/* Removes values for good. */
MUST_USE enum vault_err secret_edit_destroy(struct op *op, struct secret_edit *edit,
					    const struct vault_ints *versions);
/* Drops the versions that are too many, and writes the secret's row. */
MUST_USE enum vault_err secret_edit_write(struct op *op, struct secret_edit *edit);
/* Removes the secret and all its versions; a tombstone keeps its numbers from being used again. */
MUST_USE enum vault_err secret_edit_remove(struct op *op, struct secret_edit *edit);

/* The entry of a version, NULL where there is none. */
struct secret_entry *secret_edit_find(struct secret_edit *edit, uint32_t version);
/* A version's own row: written, and removed where there is one. */
MUST_USE enum vault_err secret_put_value(struct op *op, uint32_t version,
					 const struct secret_value *value);
MUST_USE enum vault_err secret_drop_value(struct op *op, struct vault_text name, uint32_t version);

/* What is told to those who watch once the change is durable. */
void secret_tell(struct op *op, enum secret_event event, struct vault_text tenant,
		 struct vault_text name, uint32_t version);

#endif
