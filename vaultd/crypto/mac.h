/*
 * HMAC (RFC 2104) with SHA-256 or SHA-512, its key prepared once: both pads are absorbed when the
 * key is made, so that a tag costs the message and one block. A running mac may be copied, which is
 * how a constant prefix is absorbed only once.
 */
#ifndef CRYPTO_MAC_H
#define CRYPTO_MAC_H

#include "vaultd/base/secret.h"

enum mac_hash { MAC_SHA256, MAC_SHA512 };
#define MAC_BYTES_MAX 64

/* A hash state of either kind; holds key-dependent bytes: keep it in the arena, or wipe it. */
struct mac_state {
	_Alignas(8) uint8_t bytes[216];
};

struct mac_key {
	enum mac_hash hash;
	struct secret pads; /* two mac_states: after the inner pad, after the outer pad */
};

MUST_USE enum vault_err mac_key_init(struct mac_key *key, struct arena *arena, enum mac_hash hash,
				     struct vault_bytes secret);
void mac_key_free(struct mac_key *key);
/* 32 or 64. */
size_t mac_bytes(enum mac_hash hash);

void mac_start(const struct mac_key *key, struct mac_state *state);
void mac_add(const struct mac_key *key, struct mac_state *state, const void *p, size_t n);
/* tag: mac_bytes(key->hash) bytes. Wipes the state. */
void mac_end(const struct mac_key *key, struct mac_state *state, uint8_t *tag);
void mac_once(const struct mac_key *key, struct vault_bytes message, uint8_t *tag);
/* Whether two tags of n bytes are the same, in constant time. */
bool mac_equal(const uint8_t *a, const uint8_t *b, size_t n);
/* The same for a message's; false too for a tag of another length. */
bool mac_check(const struct mac_key *key, struct vault_bytes message, struct vault_bytes tag);

#endif
