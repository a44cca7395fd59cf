#include "vaultd/crypto/stream.h"

#include <sodium.h>

_Static_assert(STREAM_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES, "key size");
_Static_assert(STREAM_HEADER_BYTES == crypto_secretstream_xchacha20poly1305_HEADERBYTES,
	       "header size");
_Static_assert(STREAM_OVERHEAD == crypto_secretstream_xchacha20poly1305_ABYTES, "overhead");

static crypto_secretstream_xchacha20poly1305_state *
state_of(struct stream *stream)
{
	return (crypto_secretstream_xchacha20poly1305_state *)(void *)stream->state.p;
}

void
stream_free(struct stream *stream)
{
	secret_free(&stream->state);
}

enum vault_err
stream_seal_start(struct stream *stream, const struct secret *key,
		  uint8_t header[static STREAM_HEADER_BYTES])
{
	TRY(secret_new(key->arena, sizeof *state_of(stream), &stream->state));
	crypto_secretstream_xchacha20poly1305_init_push(state_of(stream), header, key->p);
	return VAULT_OK;
}

/* libsodium writes the byte before first and then runs over the rest, so it may seal in place. */
void
stream_seal(struct stream *stream, struct vault_bytes ad, struct vault_bytes plain, bool last,
	    uint8_t *out)
{
	crypto_secretstream_xchacha20poly1305_push(
		state_of(stream), out, NULL, plain.p, plain.len, ad.p, ad.len,
		last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
}

enum vault_err
stream_open_start(struct stream *stream, const struct secret *key,
		  const uint8_t header[static STREAM_HEADER_BYTES])
{
	TRY(secret_new(key->arena, sizeof *state_of(stream), &stream->state));
	/* Answers an error for no header at all, of the right length. */
	if (crypto_secretstream_xchacha20poly1305_init_pull(state_of(stream), header, key->p) != 0)
		return VAULT_INTEGRITY;
	return VAULT_OK;
}

enum vault_err
stream_open(struct stream *stream, struct vault_bytes ad, struct vault_bytes sealed, uint8_t *out,
	    bool *last)
{
	unsigned char tag;

	if (sealed.len < STREAM_OVERHEAD ||
	    crypto_secretstream_xchacha20poly1305_pull(state_of(stream), out, NULL, &tag, sealed.p,
						       sealed.len, ad.p, ad.len) != 0)
		return VAULT_INTEGRITY;
	if (tag != 0 && tag != crypto_secretstream_xchacha20poly1305_TAG_FINAL)
		return VAULT_INTEGRITY;
	*last = tag != 0;
	return VAULT_OK;
}
