/*
 * The text of an API key: vk_ENV_ and 61 base62 digits (0-9A-Za-z) that are its id (12), its secret
 * (43) and, most significant digit first, the CRC-32 of all that stands before (6). So a key that
 * was mistyped, cut or made up is refused before anything is hashed or looked up, and a scanner for
 * leaked keys can tell one from noise.
 *
 * The secret is 43 digits drawn uniformly (256.03 bits), not the encoding of 32 bytes: the text is
 * what is hashed, so no number of that size is ever converted.
 */
#ifndef CORE_APIKEY_TEXT_H
#define CORE_APIKEY_TEXT_H

#include "protocol/error.h"
#include "vaultd/base/random.h"

#define APIKEY_PREFIX "vk_"
#define APIKEY_ENV_MIN 2
#define APIKEY_ENV_MAX 8
#define APIKEY_ID_DIGITS 12
#define APIKEY_SECRET_DIGITS 43
#define APIKEY_CRC_DIGITS 6
#define APIKEY_TEXT_MAX (3 + APIKEY_ENV_MAX + 1 + 12 + 43 + 6)
#define APIKEY_HINT_CHARS 4 /* of the end of a key, for people to tell keys apart by */
#define APIKEY_SCOPE_MAX 64

/* The parts of a key; views into its text. */
struct apikey_text {
	struct vault_text env;
	struct vault_text id;
	struct vault_text hashed; /* id and secret: what the MAC is made of */
};

/* Whether the text begins as ours do. */
bool apikey_text_ours(struct vault_text text);
/* False where it is not of that form, or its CRC differs. */
bool apikey_text_parse(struct vault_text text, struct apikey_text *key);
/* Makes a new one into text and answers its length. It is a secret: the caller wipes it. */
size_t apikey_text_make(struct random_pool *random, struct vault_text env,
			char text[static APIKEY_TEXT_MAX]);
/* n random digits. */
void apikey_digits(struct random_pool *random, char *digits, size_t n);

/* [a-z]{2,8} */
bool apikey_env(struct vault_text env);
/* [a-z0-9._:-]{1,64} */
bool apikey_scope(struct vault_text scope);
/* Whether the list gives the scope: admin gives write and read, write gives read, else itself. */
bool apikey_scopes_give(const struct vault_texts *scopes, struct vault_text scope);

#endif
