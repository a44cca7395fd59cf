/*
 * The API keys that apikey.verify sends at random: texts of one length, made by --setup or by
 * apikey.create, kept in a file where a later run is to send them too.
 */
#ifndef VAULT_BENCH_APIKEYS_H
#define VAULT_BENCH_APIKEYS_H

#include "protocol/buf.h"

/* "vk_live_", id, secret and CRC. */
#define APIKEY_MARK "vk_live_"
#define APIKEY_BYTES 69

struct apikeys {
	struct buf texts; /* APIKEY_BYTES each */
};

static inline uint64_t
apikeys_count(const struct apikeys *keys)
{
	return buf_len(&keys->texts) / APIKEY_BYTES;
}

/* Takes the key out of a reply of apikey.create; other replies are passed over. */
void apikeys_take(struct apikeys *keys, struct vault_bytes reply);
/* Any of them; which follows from the number. There must be one. */
const uint8_t *apikeys_pick(const struct apikeys *keys, uint64_t number);
/* VAULT_INTERNAL, said on stderr. A file is 0600: who reads it has the keys. */
MUST_USE enum vault_err apikeys_read(struct apikeys *keys, const char *path);
MUST_USE enum vault_err apikeys_write(const struct apikeys *keys, const char *path);
void apikeys_free(struct apikeys *keys);

#endif
