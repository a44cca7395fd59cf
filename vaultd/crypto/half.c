#include "vaultd/crypto/half.h"

#include <string.h>

enum vault_err
half_key(const struct half_wrap *wrap, struct vault_bytes secret, uint8_t key[static KDF_KEY_BYTES])
{
	if (wrap->by == HALF_BY_PASSPHRASE)
		return kdf_passphrase(secret, wrap->salt, wrap->memory, wrap->passes, key);
	kdf_extract(secret, wrap->salt,
		    wrap->by == HALF_BY_SHARES ? "vaultd shares slot" : "vaultd key file slot",
		    key);
	return VAULT_OK;
}

size_t
half_ad(const uint8_t store_id[static HALF_STORE_BYTES],
	const uint8_t public_key[static BOX_PUBLIC_BYTES], struct vault_text name,
	uint8_t ad[static HALF_AD_MAX])
{
	memcpy(ad, store_id, HALF_STORE_BYTES);
	memcpy(ad + HALF_STORE_BYTES, public_key, BOX_PUBLIC_BYTES);
	memcpy(ad + HALF_STORE_BYTES + BOX_PUBLIC_BYTES, name.p, name.len);
	return HALF_STORE_BYTES + BOX_PUBLIC_BYTES + name.len;
}
