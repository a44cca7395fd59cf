/*
 * Whether a secret is a key's. It stands alone so that the timing test can put a leaky one in its
 * place and see that it is found out.
 */
#include "vaultd/core/apikey.h"

bool
apikey_match(const struct apikey_candidate *c, const struct apikey_tenant *common,
	     struct vault_bytes secret)
{
	bool equal = mac_check(&common->pepper, secret, c->key.rec.mac);

	/* Not "known && equal": the second half must not depend on the first. */
	return (unsigned)equal & (unsigned)c->known;
}
