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

#endif
