#include "vaultd/base/recipient.h"

#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/base/secret.h"

#define IDENTITY_WORD "vaultd-identity-1 "
#define IDENTITY_KEY_TEXT BASE64_PADDED_LENGTH(RECIPIENT_KEY_BYTES)

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

void
identity_write(const struct recipient *recipient,
	       const uint8_t private_key[static RECIPIENT_KEY_BYTES],
	       char text[static IDENTITY_TEXT_MAX], size_t *len)
{
	char public_text[BASE64_LENGTH(RECIPIENT_KEY_BYTES) + 1];
	size_t n = base64url_encode(recipient->public_key, RECIPIENT_KEY_BYTES, public_text);

	public_text[n] = '\0';
	n = (size_t)snprintf(text, IDENTITY_TEXT_MAX,
			     "# Opens vaultd backups to %s=%s; keep it off the vault's host.\n%s",
			     recipient->name, public_text, IDENTITY_WORD);
	n += base64_encode_secret(private_key, RECIPIENT_KEY_BYTES, text + n);
	text[n++] = '\n';
	text[n] = '\0';
	*len = n;
}

/* The line up to its newline; *text moves behind it. */
static struct vault_text
next_line(struct vault_text *text)
{
	const char *end = memchr(text->p, '\n', text->len);
	struct vault_text line = { text->p, end == NULL ? text->len : (size_t)(end - text->p) };
	size_t taken = line.len + (end != NULL);

	*text = (struct vault_text){ text->p + taken, text->len - taken };
	return line;
}

bool
identity_read(struct vault_text text, uint8_t private_key[static RECIPIENT_KEY_BYTES])
{
	struct vault_text word = TEXT_LITERAL(IDENTITY_WORD);
	uint8_t key[BASE64_DECODED_MAX(IDENTITY_KEY_TEXT) + 1];
	bool found = false, bad = false;
	size_t len;

	while (text.len > 0 && !bad) {
		struct vault_text line = next_line(&text);

		if (line.len == 0 || line.p[0] == '#')
			continue;
		bad = found || line.len != word.len + IDENTITY_KEY_TEXT ||
		      !text_same(line.p, word.p, word.len) ||
		      !base64_decode_secret(line.p + word.len, IDENTITY_KEY_TEXT, key, &len) ||
		      len != RECIPIENT_KEY_BYTES;
		found = true;
		if (!bad)
			memcpy(private_key, key, RECIPIENT_KEY_BYTES);
	}
	secret_wipe(key, sizeof key);
	return found && !bad;
}
