#include "vaultd/core/token_id.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/base/bytes.h"

#define NUMBER_BYTES 8
#define NUMBER_SHOWN 5 /* bytes of the number in a tag; expiry.c goes by that many */

static bool
decode(struct vault_text jti, uint8_t bytes[static JTI_BYTES])
{
	uint8_t room[BASE64_DECODED_MAX(BASE64_LENGTH(JTI_BYTES)) + 1];
	size_t len;

	if (jti.len != BASE64_LENGTH(JTI_BYTES) || !base64url_decode(jti.p, jti.len, room, &len) ||
	    len != JTI_BYTES)
		return false;
	memcpy(bytes, room, JTI_BYTES);
	return true;
}

bool
token_id_number(struct vault_text jti, uint64_t *number)
{
	uint8_t bytes[JTI_BYTES];

	if (!decode(jti, bytes))
		return false;
	*number = get_be64(bytes);
	return true;
}

enum vault_err
token_id_ours(struct op *op, struct vault_text jti, uint64_t *number, bool *ours)
{
	uint64_t reserved;

	*ours = false;
	if (!token_id_number(jti, number))
		return VAULT_OK;
	TRY(tenant_reserved(op, &reserved));
	*ours = *number < reserved;
	return VAULT_OK;
}

struct row_key
token_id_place(const struct tenant *tenant, enum row_kind kind, struct vault_text jti)
{
	struct row_key place = { .tenant = tenant->keys.tenant, .kind = (uint8_t)kind };
	uint8_t bytes[JTI_BYTES];

	if (!decode(jti, bytes))
		return row_key_of(&tenant->keys, kind, text_bytes(jti));
	memcpy(place.tag, bytes + NUMBER_BYTES - NUMBER_SHOWN, ROW_TAG_BYTES);
	return place;
}
