/*
 * Whom the configuration lets backups be encrypted to: a name and the public half of an X25519
 * pair whose private half is not on this host.
 */
#ifndef BASE_RECIPIENT_H
#define BASE_RECIPIENT_H

#include "protocol/types.h"

#define RECIPIENT_NAME_MAX 128
#define RECIPIENT_KEY_BYTES 32

struct recipient {
	char name[RECIPIENT_NAME_MAX + 1];
	uint8_t public_key[RECIPIENT_KEY_BYTES];
};

/* NAME=KEY, the key in base64url without padding. False for anything else. */
bool recipient_parse(struct vault_text text, struct recipient *recipient);

/*
 * The private half in a file: lines that begin with # are passed over, one other holds
 * "vaultd-identity-1 " and the key in base64. IDENTITY_TEXT_MAX holds the longest that is written,
 * with its NUL; *len is without it.
 */
#define IDENTITY_TEXT_MAX 512
void identity_write(const struct recipient *recipient,
		    const uint8_t private_key[static RECIPIENT_KEY_BYTES],
		    char text[static IDENTITY_TEXT_MAX], size_t *len);
/* False for what is no identity file; then private_key is not to be used. */
bool identity_read(struct vault_text text, uint8_t private_key[static RECIPIENT_KEY_BYTES]);

#endif
