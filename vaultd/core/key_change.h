/*
 * Making and changing keys, on the committer; and showing them as they stand in the store.
 */
#ifndef CORE_KEY_CHANGE_H
#define CORE_KEY_CHANGE_H

#include "vaultd/core/due.h"
#include "vaultd/core/key.h"

#define KEY_PUBLISH_AHEAD 86400 /* default: a day, for keys whose public half others cache */
#define KEY_OVERLAP 604800	/* default: a week */
#define RSA_BITS_STEP 1024	/* between the sizes that are made */
#define KEY_INLINE_MAX                                                                             \
	(PUBLIC_KEYS_MAX + 4) /* versions that a record holds while it is being changed */

/* A key's record taken out of its row, to be changed and written back. */
struct key_edit {
	struct row row;
	struct key_record record;
	struct version_record versions[KEY_INLINE_MAX];
	size_t count;
	size_t loaded;	       /* of them were there before the edit */
	int64_t reminder;      /* as the index of what must be rotated has it */
	struct pkey_pair made; /* the material of a version under construction */
};
#define KEY_EDIT_LOCAL(name) __attribute__((cleanup(key_edit_free))) struct key_edit name = { 0 }
void key_edit_free(struct key_edit *edit);

/* The times of a version that stands in a record. */
struct version_times version_times_of(const struct version_record *record);

/* What a new version is made of. */
struct key_material {
	struct vault_bytes secret;     /* p NULL: only the public half is known */
	struct vault_bytes public_key; /* of an asymmetric key */
	struct vault_text kid;	       /* p NULL: NAME.VERSION */
};

/* A pair that was made or read; borrowed from it. */
static inline struct key_material
key_material_of(const struct pkey_pair *pair)
{
	return (struct key_material){
		.secret = { pair->secret.p, pair->secret.len },
		.public_key = { pair->public_len == 0 ? NULL : pair->public_key, pair->public_len },
	};
}

/* VAULT_NOT_FOUND naming the field "name". */
MUST_USE enum vault_err key_edit_open(struct op *op, struct vault_text name, struct key_edit *edit);
/* Likewise where only the place is known; VAULT_NOT_FOUND without a word. */
MUST_USE enum vault_err key_edit_open_at(struct op *op, const struct row_key *place,
					 struct key_edit *edit);
/* VAULT_CONFLICT where the key is to be deleted: it stays as it is until then. */
MUST_USE enum vault_err key_edit_require_kept(struct op *op, const struct key_edit *edit);

/* What key.create and key.import say of a key that is to be. */
struct key_settings {
	int algorithm;
	struct vault_opt_enum usage;
	struct vault_opt_int rotation_period, overlap, publish_ahead;
	struct vault_opt_int bits; /* RS256 only */
	bool shared;		   /* a receiver knows the secret */
	bool verify_only;	   /* the private half is not here */
};
/*
 * VAULT_EXISTS where the name is taken; VAULT_UNSUPPORTED and VAULT_INVALID_PARAMS for settings
 * that cannot be.
 */
MUST_USE enum vault_err key_edit_new(struct op *op, struct vault_text name,
				     const struct key_settings *settings, struct key_edit *edit);

/* A shared secret as its receiver knows it: this and base64 (Standard Webhooks). */
#define KEY_SHARED_PREFIX "whsec_"
MUST_USE enum vault_err key_shared_text(struct op *op, struct vault_bytes secret,
					struct vault_text *text);
/*
 * Random material of the record's algorithm, kept in edit->made; what takes long to make was
 * prepared (op->prepared), or it is VAULT_BUSY.
 */
MUST_USE enum vault_err key_edit_generate(struct op *op, struct key_edit *edit,
					  struct key_material *material);
/* On the slow lane: prepares what key_edit_generate will want. */
MUST_USE enum vault_err key_edit_prepare(struct op *op, const struct key_edit *edit);
/*
 * Adds a version that signs from signs_at on, and sets when the ones before it retire.
 * VAULT_CONFLICT where a version waits to sign already, or the kid is taken.
 */
MUST_USE enum vault_err key_edit_add(struct op *op, struct key_edit *edit,
				     const struct key_material *material, int64_t signs_at);
/*
 * A kid of a version's own, which is brought along, stands in the index as one that was imported
 * does; row: that it stands in. p NULL: none. VAULT_EXISTS where another has it.
 */
MUST_USE enum vault_err key_kid_keep(struct op *op, struct vault_text kid, uint64_t row);
/*
 * The version that signs now, or would if it were not revoked; NULL where none is in the record.
 */
struct version_record *key_edit_current(struct key_edit *edit, int64_t now);
/*
 * When what signed until signs_at is no longer needed; absent where old versions work until they
 * are revoked.
 */
MUST_USE enum vault_err key_edit_retirement(struct op *op, const struct key_edit *edit,
					    int64_t signs_at, struct vault_opt_int *retires_at);
/* The version that waits to sign, or NULL. */
struct version_record *key_edit_next(struct key_edit *edit, int64_t now);
/* Whether a version signs now. */
bool key_edit_signs(struct key_edit *edit, int64_t now);
/* Lets the version that waits sign from now on; what it replaces retires accordingly. */
MUST_USE enum vault_err key_edit_promote(struct op *op, struct key_edit *edit,
					 struct version_record *next);
/* A new version, from generated material, that signs from then on. */
MUST_USE enum vault_err key_edit_rotate(struct op *op, struct key_edit *edit, bool now,
					struct key_rotate_res *res);
/* When the next rotation by schedule is due; DUE_NEVER without one. */
int64_t key_edit_next_rotation(struct key_edit *edit, int64_t now);
/*
 * Writes the record, what is neither current nor next into rows of its own, and has its next time
 * stand in the index of what is due.
 */
MUST_USE enum vault_err key_edit_write(struct op *op, struct key_edit *edit);

/* key.revoke: one version (or all, version 0); revoked gets their numbers. */
MUST_USE enum vault_err key_revoke_versions(struct op *op, struct key_edit *edit, uint32_t version,
					    struct vault_ints *revoked);

/*
 * A profile that names the key now lets tokens live this long: the version that signs until the
 * next one does must verify them to their end.
 */
MUST_USE enum vault_err key_extend_life(struct op *op, struct vault_text name, int64_t life);

/* key.update. */
MUST_USE enum vault_err key_update(struct op *op, const struct key_update_req *req);
/* key.delete: from now on refused, at that time removed. And back. */
MUST_USE enum vault_err key_delete_later(struct op *op, struct vault_text name, int64_t at);
MUST_USE enum vault_err key_undelete(struct op *op, struct vault_text name);

/* What a key's entry in the index of what is due came to. */
struct key_due {
	enum op_id done;     /* OP_key_rotate, OP_key_delete; OP_COUNT: nothing */
	unsigned wants_bits; /* a pair of that size is to be prepared first */
};
/* Does what is due of the key that the entry leads to, and sees to its next entry. */
MUST_USE enum vault_err key_do_due(struct op *op, const struct due_entry *entry,
				   struct key_due *due);

/* Fills key.get's answer from a row; as a page_item too. */
MUST_USE enum vault_err key_show(struct op *op, const struct row *row, struct key_get_res *res);
MUST_USE enum vault_err key_show_item(struct op *op, const struct row *row, void *item);

#endif
