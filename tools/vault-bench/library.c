#include "tools/vault-bench/library.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "protocol/ops.h"
#include "tools/vault-bench/load.h"

#define BATCH 16 /* signatures between two looks at the clock */
#define RSA_BITS 2048
#define SIGNATURE_ROOM 512
#define NS_PER_S 1e9
#define STREAM_CHUNK (256 * 1024)

/* A key of one of the two libraries. */
struct signer {
	unsigned char secret[crypto_sign_SECRETKEYBYTES];
	EVP_PKEY *key;
	EVP_PKEY_CTX *context; /* NULL: libsodium's */
	const unsigned char *message;
	size_t message_len;
};

static bool
prepare(struct signer *signer, int algorithm)
{
	unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
	bool rsa = algorithm == key_algorithm_RS256;

	if (sodium_init() < 0)
		return false;
	if (algorithm == key_algorithm_EdDSA)
		return crypto_sign_keypair(public_key, signer->secret) == 0;
	if (!rsa && algorithm != key_algorithm_ES256)
		return false;
	signer->key = rsa ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
	signer->context = EVP_PKEY_CTX_new(signer->key, NULL);
	return signer->context != NULL && EVP_PKEY_sign_init(signer->context) == 1 &&
	       (!rsa || EVP_PKEY_CTX_set_rsa_padding(signer->context, RSA_PKCS1_PADDING) == 1) &&
	       EVP_PKEY_CTX_set_signature_md(signer->context, EVP_sha256()) == 1;
}

static bool
sign(const struct signer *signer)
{
	unsigned char hash[SHA256_DIGEST_LENGTH], signature[SIGNATURE_ROOM];
	size_t len = sizeof signature;

	if (signer->context == NULL)
		return crypto_sign_detached(signature, NULL, signer->message, signer->message_len,
					    signer->secret) == 0;
	SHA256(signer->message, signer->message_len, hash);
	return EVP_PKEY_sign(signer->context, signature, &len, hash, sizeof hash) == 1;
}

static bool
measure(const struct signer *signer, double seconds, double *rate)
{
	uint64_t begun = load_clock(), now = begun, until = begun + (uint64_t)(seconds * NS_PER_S);
	uint64_t done = 0;

	while (now < until) {
		for (int i = 0; i < BATCH; i++)
			if (!sign(signer))
				return false;
		done += BATCH;
		now = load_clock();
	}
	*rate = (double)done / ((double)(now - begun) / NS_PER_S);
	return true;
}

bool
library_measure(const struct library_run *run, double *rate)
{
	unsigned char *message = calloc(1, run->message);
	struct signer signer = { .message = message, .message_len = run->message };
	bool done = message != NULL && prepare(&signer, run->algorithm) &&
		    measure(&signer, run->seconds, rate);

	EVP_PKEY_CTX_free(signer.context);
	EVP_PKEY_free(signer.key);
	free(message);
	return done;
}

/* The bytes there were; negative where they could not be read. */
static int64_t
seal_file(int fd, unsigned char *plain, unsigned char *sealed)
{
	unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
	unsigned char header[crypto_secretstream_xchacha20poly1305_HEADERBYTES];
	crypto_secretstream_xchacha20poly1305_state state;
	int64_t total = 0;
	ssize_t n;

	crypto_secretstream_xchacha20poly1305_keygen(key);
	crypto_secretstream_xchacha20poly1305_init_push(&state, header, key);
	while ((n = pread(fd, plain, STREAM_CHUNK, total)) > 0) {
		crypto_secretstream_xchacha20poly1305_push(&state, sealed, NULL, plain, (size_t)n,
							   NULL, 0, 0);
		total += n;
	}
	return n < 0 ? -1 : total;
}

bool
library_stream(const char *path, double *rate)
{
	unsigned char *plain = malloc(STREAM_CHUNK);
	unsigned char *sealed = malloc(STREAM_CHUNK + crypto_secretstream_xchacha20poly1305_ABYTES);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t total = -1;
	uint64_t begun = 0;

	if (fd >= 0 && plain != NULL && sealed != NULL && sodium_init() >= 0 &&
	    seal_file(fd, plain, sealed) >= 0) {
		begun = load_clock();
		total = seal_file(fd, plain, sealed);
	}
	if (total >= 0)
		*rate = (double)total / ((double)(load_clock() - begun) / NS_PER_S);
	if (fd >= 0)
		close(fd);
	free(plain);
	free(sealed);
	return total >= 0;
}
