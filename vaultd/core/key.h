/*
 * Keys and their versions. One key has one algorithm and one usage for good; what changes is its
 * versions, whose states follow from their times: next before signs_at, then current until a newer
 * one signs, then retiring until retires_at.
 */
#ifndef CORE_KEY_H
#define CORE_KEY_H

#include "vaultd/core/tenant.h"
#include "vaultd/core/version.h"
#include "vaultd/crypto/public_key.h"

#define KEY_LIVE_MAX 32	  /* newest versions kept prepared, and tried where a token names none */
#define KEY_OLDER_MAX 64  /* older versions kept prepared once they were asked for */
#define KEY_SHOWN_MAX 100 /* newest versions that key.get shows */
#define KEY_HMAC_MIN 32	  /* bytes of an imported HMAC key */
#define KEY_HMAC_MAX 1024
#define KEY_SHARED_MIN 24 /* bytes behind whsec_ */
#define KEY_SHARED_MAX 64
#define KEY_CIPHER_BYTES 32 /* XC20P */
#define KEY_ID_BYTES 16	    /* what ciphertexts are bound to */
/* Version numbers end before uint32_t does: loops run from one to another, the last included. */
#define KEY_VERSION_LAST (UINT32_MAX - 1)

/* A version, prepared for use. */
struct key_live {
	struct version_times times;
	char kid[KID_MAX + 1];
	uint16_t kid_len;
	struct signature_key signature;
	uint8_t public_key[PKEY_PUBLIC_MAX]; /* as the record holds it; none where symmetric */
	size_t public_len;
	struct secret cipher; /* XC20P */
};

struct key_older;

/* A key in a thread's cache; versions from the newest to the oldest. */
struct key {
	struct cache_entry entry;
	enum key_algorithm algorithm;
	enum key_usage usage;
	bool verify_only;
	bool pending; /* is to be deleted: neither signs nor verifies */
	int64_t publish_ahead;
	struct row_key place;
	uint8_t id[KEY_ID_BYTES]; /* XC20P */
	uint32_t first_version;	  /* older ones went with a deleted key of the name */
	uint32_t last_version;
	size_t count;
	struct key_live *versions;
	struct key_older *older; /* opened when asked for */
};

/*
 * The key of that name of the operation's tenant, valid until the operation ends. VAULT_NOT_FOUND
 * and VAULT_CONFLICT (it is to be deleted) name the field.
 */
MUST_USE enum vault_err key_get(struct op *op, const char *field, struct vault_text name,
				const struct key **key);
/* VAULT_CONFLICT where the key is for something else. */
MUST_USE enum vault_err key_require_usage(struct op *op, const struct key *key,
					  enum key_usage usage);

enum version_state key_live_state(const struct key *key, const struct key_live *live, int64_t now);
/* The version that signs now. VAULT_CONFLICT where it was revoked or the key only verifies. */
MUST_USE enum vault_err key_signer(struct op *op, const struct key *key,
				   const struct key_live **live);
/*
 * The version of that kid, however old; *live is NULL where there is none. An imported kid is known
 * among the newest.
 */
MUST_USE enum vault_err key_by_kid(struct op *op, const struct key *key, struct vault_text kid,
				   const struct key_live **live);
/* The version of that number. VAULT_NOT_FOUND naming the field. */
MUST_USE enum vault_err key_version(struct op *op, const struct key *key, uint32_t version,
				    const struct key_live **live);
/* What signs: the version asked for, where it may, or else the current one. */
MUST_USE enum vault_err key_signer_version(struct op *op, const struct key *key,
					   struct vault_opt_int version,
					   const struct key_live **live);

/* signature: SIGNATURE_MAX bytes; *len gets its length. */
MUST_USE enum vault_err key_live_sign(const struct key_live *live, struct vault_bytes message,
				      uint8_t signature[static SIGNATURE_MAX], size_t *len);
bool key_live_verify(const struct key_live *live, struct vault_bytes message,
		     struct vault_bytes signature);
/* Whether its keys have a public half; encryption keys do not. */
bool key_asymmetric(int64_t algorithm);
/* As crypto/ knows it; of a signing algorithm. */
enum signature_algorithm key_signature_algorithm(int64_t algorithm);
/* What encrypts does nothing else and nothing else encrypts; no scheme of webhook.* has ES256, RS256. */
bool key_usage_fits(int64_t algorithm, int64_t usage);
/* Whether a version holds what a key of that algorithm uses: it is given to crypto/ as it stands. */
bool key_material_fits(int64_t algorithm, bool verify_only, const struct version_record *version);
/* The JOSE name of the key's algorithm. */
struct vault_text key_algorithm_name(enum key_algorithm algorithm);

/* The oldest version that the key may have. */
static inline uint32_t
key_first_version(const struct key_record *record)
{
	return record->first_version.set ? (uint32_t)record->first_version.v : 1;
}

/*
 * Shared by key.c and key_change.c: where an older version's row stands, and the kid of a version.
 */
struct row_key key_version_place(const struct tenant *tenant, struct vault_text name,
				 uint32_t version);
#define KEY_KID_MAX (NAME_MAX_LEN + 12)
size_t key_kid(struct vault_text name, uint32_t version, char kid[static KEY_KID_MAX]);

#endif
