#include "vaultd/base/recipient.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"

bool
recipient_parse(struct vault_text text, struct recipient *recipient)
{
	uint8_t key[BASE64_DECODED_MAX(BASE64_LENGTH(RECIPIENT_KEY_BYTES)) + 1];
	const char *mark = text.len == 0 ? NULL : memchr(text.p, '=', text.len);
	struct vault_text name;
	size_t key_len;

	if (mark == NULL)
		return false;
	name = (struct vault_text){ text.p, (size_t)(mark - text.p) };
	if (!text_name(name) || text.len - name.len - 1 != BASE64_LENGTH(RECIPIENT_KEY_BYTES) ||
	    !base64url_decode(mark + 1, text.len - name.len - 1, key, &key_len) ||
	    key_len != RECIPIENT_KEY_BYTES)
		return false;
	*recipient = (struct recipient){ 0 };
	memcpy(recipient->name, name.p, name.len);
	memcpy(recipient->public_key, key, RECIPIENT_KEY_BYTES);
	return true;
}
