/*
 * A long message in sealed chunks: libsodium's secretstream (XChaCha20-Poly1305). Chunks open in
 * their order only, none may be missing, and the last says that it is.
 */
#ifndef CRYPTO_STREAM_H
#define CRYPTO_STREAM_H

#include "vaultd/base/secret.h"

#define STREAM_KEY_BYTES 32
#define STREAM_HEADER_BYTES 24
#define STREAM_OVERHEAD 17 /* bytes that a chunk is longer than what it seals ... */
#define STREAM_BEFORE 1	   /* ... of which one stands before it */

/* One direction of one message; all zero can be freed. */
struct stream {
	struct secret state;
};
void stream_free(struct stream *stream);

/* key: STREAM_KEY_BYTES, for this one message; header is made here, and goes before the chunks. */
MUST_USE enum vault_err stream_seal_start(struct stream *stream, const struct secret *key,
					  uint8_t header[static STREAM_HEADER_BYTES]);
/* out: plain.len + STREAM_OVERHEAD bytes; plain may be the memory at out + STREAM_BEFORE. */
void stream_seal(struct stream *stream, struct vault_bytes ad, struct vault_bytes plain, bool last,
		 uint8_t *out);

MUST_USE enum vault_err stream_open_start(struct stream *stream, const struct secret *key,
					  const uint8_t header[static STREAM_HEADER_BYTES]);
/*
 * out: sealed.len - STREAM_OVERHEAD bytes; *last: none may follow. VAULT_INTEGRITY where it is not
 * the next chunk.
 */
MUST_USE enum vault_err stream_open(struct stream *stream, struct vault_bytes ad,
				    struct vault_bytes sealed, uint8_t *out, bool *last);

#endif
