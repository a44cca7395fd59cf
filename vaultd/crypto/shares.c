#include "vaultd/crypto/shares.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/base/random.h"
#include "vaultd/crypto/mac.h"

#define SECRET_X 255 /* where the polynomial is the secret, ... */
#define DIGEST_X 254 /* ... and where it is the secret's digest */
#define DIGEST_BYTES 4
#define ROUNDS 4
#define ITERATIONS 10000
#define SALT_LABEL "shamir"
#define SALT_MAX (sizeof SALT_LABEL + 2 + SHARE_VALUE_MAX)
#define PASSPHRASE_MAX 256 /* bytes */

/* A place of the polynomials, one for each byte of the secret. */
struct point {
	uint8_t x;
	const uint8_t *y;
};

void
share_free(struct share *share)
{
	if (share == NULL)
		return;
	secret_free(&share->value);
	*share = (struct share){ 0 };
}

/* In GF(256) with AES's polynomial, in the same steps whatever a and b are. */
static uint8_t
gf_mul(uint8_t a, uint8_t b)
{
	unsigned product = 0, x = a, y = b;

	for (unsigned bit = 0; bit < 8; bit++) {
		product ^= x & (0u - (y & 1));
		y >>= 1;
		x = (x << 1) ^ (0x11b & (0u - (x >> 7 & 1)));
	}
	return (uint8_t)product;
}

/* The inverse is the 254th power; that of 0 is 0. */
static uint8_t
gf_inverse(uint8_t a)
{
	uint8_t power = a;

	for (unsigned bit = 0; bit < 6; bit++)
		power = gf_mul(gf_mul(power, power), a);
	return gf_mul(power, power);
}

/* Lagrange's basis polynomial of points[i] at x. */
static uint8_t
gf_basis(const struct point *points, size_t count, size_t i, uint8_t x)
{
	uint8_t over = 1, under = 1;

	for (size_t j = 0; j < count; j++) {
		if (j == i)
			continue;
		over = gf_mul(over, (uint8_t)(x ^ points[j].x));
		under = gf_mul(under, (uint8_t)(points[i].x ^ points[j].x));
	}
	return gf_mul(over, gf_inverse(under));
}

/* What the polynomials through these points are at x; out: len bytes. */
static void
interpolate(const struct point *points, size_t count, uint8_t x, const struct secret *out)
{
	memset(out->p, 0, out->len);
	for (size_t i = 0; i < count; i++) {
		uint8_t basis = gf_basis(points, count, i, x);

		for (size_t b = 0; b < out->len; b++)
			out->p[b] ^= gf_mul(points[i].y[b], basis);
	}
}

/* HMAC-SHA-256 of the secret, keyed with the random part that stands beside it. */
static enum vault_err
secret_digest(const struct secret *secret, const uint8_t *random_part,
	      uint8_t digest[static DIGEST_BYTES])
{
	struct mac_key key = { 0 };
	uint8_t tag[MAC_BYTES_MAX];

	TRY(mac_key_init(&key, secret->arena, MAC_SHA256,
			 (struct vault_bytes){ random_part, secret->len - DIGEST_BYTES }));
	mac_once(&key, (struct vault_bytes){ secret->p, secret->len }, tag);
	memcpy(digest, tag, DIGEST_BYTES);
	secret_wipe(tag, sizeof tag);
	mac_key_free(&key);
	return VAULT_OK;
}

/* One side of the Feistel network: other is changed by what round and half make. */
static enum vault_err
feistel_round(const struct share *of, struct vault_text passphrase, uint8_t round,
	      struct vault_bytes half, uint8_t *other)
{
	uint8_t key[1 + PASSPHRASE_MAX], salt[SALT_MAX], made[SHARE_VALUE_MAX / 2];
	size_t salt_len = 0;
	int iterations = (ITERATIONS << of->exponent) / ROUNDS;
	bool ok;

	key[0] = round;
	memcpy(key + 1, passphrase.len == 0 ? "" : passphrase.p, passphrase.len);
	if (!of->extendable) {
		memcpy(salt, SALT_LABEL, sizeof SALT_LABEL - 1);
		put_be16(salt + sizeof SALT_LABEL - 1, of->id);
		salt_len = sizeof SALT_LABEL + 1;
	}
	memcpy(salt + salt_len, half.p, half.len);
	ok = PKCS5_PBKDF2_HMAC((const char *)key, (int)(1 + passphrase.len), salt,
			       (int)(salt_len + half.len), iterations, EVP_sha256(), (int)half.len,
			       made) == 1;
	for (size_t i = 0; ok && i < half.len; i++)
		other[i] ^= made[i];
	secret_wipe(key, sizeof key);
	secret_wipe(salt, sizeof salt);
	secret_wipe(made, sizeof made);
	return ok ? VAULT_OK : VAULT_BUSY;
}

/* Encrypts (or decrypts) the secret in place; the two differ in the rounds' order alone. */
static enum vault_err
feistel(const struct share *of, struct vault_text passphrase, bool decrypt,
	const struct secret *secret)
{
	size_t n = secret->len / 2;
	uint8_t *left = secret->p, *right = secret->p + n;
	SECRET_LOCAL(swap);

	if (secret->len % 2 != 0 || passphrase.len > PASSPHRASE_MAX)
		return VAULT_INVALID_PARAMS;
	for (uint8_t i = 0; i < ROUNDS; i++) {
		uint8_t round = decrypt ? ROUNDS - 1 - i : i;
		uint8_t *last = left;

		TRY(feistel_round(of, passphrase, round, (struct vault_bytes){ right, n }, left));
		left = right;
		right = last;
	}
	/* Four rounds end as they began, and the result is right before left. */
	TRY(secret_copy(secret->arena, right, n, &swap));
	memmove(right, left, n);
	memcpy(left, swap.p, n);
	return VAULT_OK;
}

/* The random points that a set is made of, then the digest's and the secret's. */
static enum vault_err
split_base(const struct secret *secret, struct share *shares, unsigned threshold,
	   const struct secret *digest, struct point *points)
{
	unsigned randoms = threshold - 2;

	for (unsigned i = 0; i < randoms; i++) {
		random_bytes(shares[i].value.p, secret->len);
		points[i] = (struct point){ (uint8_t)i, shares[i].value.p };
	}
	random_bytes(digest->p + DIGEST_BYTES, secret->len - DIGEST_BYTES);
	TRY(secret_digest(secret, digest->p + DIGEST_BYTES, digest->p));
	points[randoms] = (struct point){ DIGEST_X, digest->p };
	points[randoms + 1] = (struct point){ SECRET_X, secret->p };
	return VAULT_OK;
}

static enum vault_err
split_into(const struct secret *secret, const struct shares_plan *plan, struct share *shares)
{
	struct point points[SHARES_MAX];
	struct arena *arena = secret->arena;
	SECRET_LOCAL(hidden);
	SECRET_LOCAL(digest);

	for (unsigned i = 0; i < plan->count; i++) {
		shares[i] = (struct share){ .id = plan->id & SHARE_ID_MAX,
					    .extendable = true,
					    .group_threshold = 1,
					    .group_count = 1,
					    .index = (uint8_t)i,
					    .threshold = (uint8_t)plan->threshold };
		TRY(secret_new(arena, secret->len, &shares[i].value));
	}
	TRY(secret_copy(arena, secret->p, secret->len, &hidden));
	TRY(feistel(&shares[0], (struct vault_text){ 0 }, false, &hidden));
	TRY(secret_new(arena, secret->len, &digest));
	TRY(split_base(&hidden, shares, plan->threshold, &digest, points));
	for (unsigned i = plan->threshold - 2; i < plan->count; i++)
		interpolate(points, plan->threshold, (uint8_t)i, &shares[i].value);
	return VAULT_OK;
}

enum vault_err
shares_split(const struct secret *secret, const struct shares_plan *plan, struct share *shares)
{
	enum vault_err err;

	if (plan->threshold < SHARES_THRESHOLD_MIN || plan->threshold > plan->count ||
	    plan->count > SHARES_MAX || secret->len < SHARE_VALUE_MIN ||
	    secret->len > SHARE_VALUE_MAX || secret->len % 2 != 0)
		return VAULT_INVALID_PARAMS;
	err = split_into(secret, plan, shares);
	for (unsigned i = 0; err != VAULT_OK && i < plan->count; i++)
		share_free(&shares[i]);
	return err;
}

/* The secret that threshold points hold, checked by its digest; one point alone is it. */
static enum vault_err
join_points(const struct point *points, size_t count, const struct secret *secret)
{
	uint8_t digest[DIGEST_BYTES];
	SECRET_LOCAL(beside);
	bool same;

	if (count == 1) {
		memcpy(secret->p, points[0].y, secret->len);
		return VAULT_OK;
	}
	TRY(secret_new(secret->arena, secret->len, &beside));
	interpolate(points, count, SECRET_X, secret);
	interpolate(points, count, DIGEST_X, &beside);
	TRY(secret_digest(secret, beside.p + DIGEST_BYTES, digest));
	same = secret_same(digest, beside.p, DIGEST_BYTES);
	secret_wipe(digest, sizeof digest);
	return same ? VAULT_OK : VAULT_DENIED;
}

bool
share_same_set(const struct share *a, const struct share *b)
{
	return a->id == b->id && a->extendable == b->extendable && a->exponent == b->exponent &&
	       a->group_threshold == b->group_threshold && a->group_count == b->group_count &&
	       a->value.len == b->value.len;
}

/* The group's points; VAULT_INVALID_PARAMS where they are not exactly as many as they must be. */
static enum vault_err
group_points(const struct share *shares, size_t count, uint8_t group, struct point *points,
	     size_t *n)
{
	unsigned seen = 0, threshold = 0;

	*n = 0;
	for (size_t i = 0; i < count; i++) {
		if (shares[i].group != group)
			continue;
		if ((threshold != 0 && shares[i].threshold != threshold) ||
		    (seen & 1u << shares[i].index) != 0)
			return VAULT_INVALID_PARAMS;
		threshold = shares[i].threshold;
		seen |= 1u << shares[i].index;
		if (*n == SHARES_MAX)
			return VAULT_INVALID_PARAMS;
		points[(*n)++] = (struct point){ shares[i].index, shares[i].value.p };
	}
	return *n == threshold ? VAULT_OK : VAULT_INVALID_PARAMS;
}

/* Each group's own secret, in the order of their numbers, is a point of the whole. */
static enum vault_err
join_groups(const struct share *shares, size_t count, struct secret *parts,
	    const struct secret *secret)
{
	struct point points[SHARES_MAX], whole[SHARES_MAX];
	size_t n, groups = 0;

	for (uint8_t group = 0; group < SHARES_MAX; group++) {
		TRY(group_points(shares, count, group, points, &n));
		if (n == 0)
			continue;
		TRY(secret_new(secret->arena, secret->len, &parts[groups]));
		TRY(join_points(points, n, &parts[groups]));
		whole[groups] = (struct point){ group, parts[groups].p };
		groups++;
	}
	if (groups != shares[0].group_threshold)
		return VAULT_INVALID_PARAMS;
	return join_points(whole, groups, secret);
}

enum vault_err
shares_join(const struct share *shares, size_t count, struct vault_text passphrase,
	    struct secret *secret)
{
	struct secret parts[SHARES_MAX] = { { 0 } };
	SECRET_LOCAL(joined);
	enum vault_err err;

	if (count == 0)
		return VAULT_INVALID_PARAMS;
	for (size_t i = 1; i < count; i++)
		if (!share_same_set(&shares[0], &shares[i]))
			return VAULT_INVALID_PARAMS;
	TRY(secret_new(shares[0].value.arena, shares[0].value.len, &joined));
	err = join_groups(shares, count, parts, &joined);
	for (size_t i = 0; i < SHARES_MAX; i++)
		secret_free(&parts[i]);
	TRY(err);
	TRY(feistel(&shares[0], passphrase, true, &joined));
	secret_move(secret, &joined);
	return VAULT_OK;
}
