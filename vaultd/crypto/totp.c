#include "vaultd/crypto/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include "vaultd/base/bytes.h"
#include "vaultd/base/secret.h"

#define SHA1_BYTES 20
#define COUNTER_BYTES 8

/* RFC 4226 section 5.3. */
static uint32_t
truncated(const uint8_t mac[static SHA1_BYTES])
{
	return get_be32(mac + (mac[SHA1_BYTES - 1] & 0xf)) & 0x7fffffff;
}

/*
 * The one-shot call: codes are rare, so nothing is kept prepared. HMAC with SHA-1 is not what
 * SHA-1's collisions break (RFC 6194 section 3.3).
 */
enum vault_err
totp_code(struct vault_bytes secret, uint64_t step, unsigned digits,
	  char code[static TOTP_DIGITS_MAX])
{
	uint8_t counter[COUNTER_BYTES], mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	uint32_t value;

	if (digits > TOTP_DIGITS_MAX)
		return VAULT_INTERNAL;
	put_be64(counter, step);
	if (HMAC(EVP_sha1(), secret.p, (int)secret.len, counter, sizeof counter, mac, &len) ==
		    NULL ||
	    len != SHA1_BYTES)
		return VAULT_INTERNAL;
	value = truncated(mac);
	for (unsigned i = digits; i-- > 0; value /= 10)
		code[i] = (char)('0' + value % 10);
	secret_wipe(mac, sizeof mac);
	return VAULT_OK;
}

enum vault_err
totp_check(struct vault_bytes secret, uint64_t step, struct vault_text code, bool *right)
{
	char expected[TOTP_DIGITS_MAX];

	TRY(totp_code(secret, step, TOTP_DIGITS, expected));
	*right = code.len == TOTP_DIGITS && sodium_memcmp(expected, code.p, TOTP_DIGITS) == 0;
	secret_wipe(expected, sizeof expected);
	return VAULT_OK;
}
