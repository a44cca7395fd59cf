/*
 * ES256 and RS256 with libcrypto: ECDSA on P-256 (RFC 7518 section 3.4, signatures as r || s) and
 * RSASSA-PKCS1-v1_5 (section 3.3), both over SHA-256. A key is decoded once and keeps its prepared
 * contexts, which hold state: one thread at a time. What libcrypto allocates for it lies on the
 * heap, not in the arena, and is wiped when it is freed (init.c).
 *
 * As records hold them: of P-256 the secret is the scalar (32 bytes), the public key the point (65
 * bytes, uncompressed); of RSA both are numbers, each as two bytes of length and its bytes, all
 * big-endian: n e d p q dp dq qi, and n e.
 */
#ifndef CRYPTO_PKEY_H
#define CRYPTO_PKEY_H

#include <stdatomic.h>

#include "vaultd/base/secret.h"

#define P256_BYTES 32			      /* of a coordinate, or the scalar */
#define P256_POINT_BYTES (1 + 2 * P256_BYTES) /* 0x04, x, y */
#define P256_SIGNATURE_BYTES (2 * P256_BYTES)
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define RSA_BITS_DEFAULT 2048
#define RSA_BYTES_MAX (RSA_BITS_MAX / 8)
#define RSA_EXPONENT_MIN 65537
#define RSA_EXPONENT_BITS_MAX 64 /* what libcrypto verifies with for large moduli */
#define PKEY_PUBLIC_MAX (2 + RSA_BYTES_MAX + 2 + RSA_EXPONENT_BITS_MAX / 8)

enum pkey_type { PKEY_P256, PKEY_RSA };

struct evp_pkey_st;
struct evp_pkey_ctx_st;

/* All zero is empty. */
struct pkey {
	enum pkey_type type;
	struct evp_pkey_st *key;
	struct evp_pkey_ctx_st *sign; /* NULL where only verifying is possible */
	struct evp_pkey_ctx_st *verify;
};

/* A pair as records hold it. */
struct pkey_pair {
	struct secret secret; /* empty: only the public half is known */
	uint8_t public_key[PKEY_PUBLIC_MAX];
	size_t public_len;
};
void pkey_pair_free(struct pkey_pair *pair);

/* From what a record holds; secret.p NULL: only to verify. VAULT_INTEGRITY where it is no key. */
MUST_USE enum vault_err pkey_init(struct pkey *pkey, enum pkey_type type, struct vault_bytes secret,
				  struct vault_bytes public_key);
void pkey_free(struct pkey *pkey);
/* signature: RSA_BYTES_MAX bytes. VAULT_BUSY when libcrypto has no memory. */
MUST_USE enum vault_err pkey_sign(const struct pkey *pkey, struct vault_bytes message,
				  uint8_t *signature, size_t *len);
bool pkey_verify(const struct pkey *pkey, struct vault_bytes message, struct vault_bytes signature);

/* How a pair is made: bits of RSA; *cancel ends it with VAULT_BUSY (NULL: never). */
struct pkey_wanted {
	enum pkey_type type;
	unsigned bits;
	const atomic_bool *cancel;
};
/* A new pair. RSA takes from a tenth of a second to several. */
MUST_USE enum vault_err pkey_generate(const struct pkey_wanted *wanted, struct arena *arena,
				      struct pkey_pair *pair);

/* Whether every test is to be made, or only those that cost no more than decoding. */
enum pkey_effort { PKEY_QUICK, PKEY_THOROUGH };

/* What is wanted of a key that somebody brings. */
struct pkey_task {
	enum pkey_type type;
	enum pkey_effort effort;
	const char *why; /* set where it is refused: a string constant */
};

/*
 * A PKCS#8 private key (RFC 5208, DER, not encrypted). VAULT_INVALID_PARAMS, with task->why a string
 * constant: not of that form, bytes behind it, of another kind or curve, or weak. Testing a 4096-bit
 * key for its primes takes half a second, which PKEY_QUICK leaves out.
 */
MUST_USE enum vault_err pkey_import(struct pkey_task *task, struct vault_bytes der,
				    struct arena *arena, struct pkey_pair *pair);
/* Likewise a SubjectPublicKeyInfo (RFC 5280, DER). */
MUST_USE enum vault_err pkey_import_public(struct pkey_task *task, struct vault_bytes der,
					   struct pkey_pair *pair);
/* Likewise from numbers as a JWK has them (RFC 7518 section 6): n and e, or x and y. */
MUST_USE enum vault_err pkey_from_numbers(struct pkey_task *task, struct vault_bytes first,
					  struct vault_bytes second, struct pkey_pair *pair);
/* The same numbers of a public key that a record holds. False where it is none. */
bool pkey_numbers(enum pkey_type type, struct vault_bytes public_key, struct vault_bytes *first,
		  struct vault_bytes *second);
/* A SubjectPublicKeyInfo, DER; *len is its length. */
#define PKEY_SPKI_MAX 600
MUST_USE enum vault_err pkey_spki(enum pkey_type type, struct vault_bytes public_key,
				  uint8_t der[static PKEY_SPKI_MAX], size_t *len);

/* Bits of an RSA key's modulus that a record holds; 256 of P-256. */
unsigned pkey_bits(enum pkey_type type, struct vault_bytes public_key);

#endif
