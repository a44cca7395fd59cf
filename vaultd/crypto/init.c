#include "vaultd/crypto/init.h"

#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* libcrypto frees keys and contexts through these, so that none leaves its bytes on the heap. */
static void *
wiping_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n == 0 ? NULL : malloc(n);
}

static void
wiping_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p == NULL)
		return;
	explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* realloc would leave the old copy unwiped. */
static void *
wiping_realloc(void *p, size_t n, const char *file, int line)
{
	size_t held = p == NULL ? 0 : malloc_usable_size(p);
	void *bigger;

	if (n == 0) {
		wiping_free(p, file, line);
		return NULL;
	}
	bigger = malloc(n);
	if (bigger == NULL || p == NULL)
		return bigger;
	memcpy(bigger, p, held < n ? held : n);
	wiping_free(p, file, line);
	return bigger;
}

enum vault_err
crypto_init(void)
{
	int sodium = sodium_init();

	if (sodium == 1)
		return VAULT_OK;
	if (sodium != 0 ||
	    CRYPTO_set_mem_functions(wiping_malloc, wiping_realloc, wiping_free) != 1)
		return VAULT_INTERNAL;
	/* What a host's openssl.cnf says must not change what keys do here. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return VAULT_INTERNAL;
	/* jansson takes its hash seed at first use, from a file that the sandbox may not open. */
	json_object_seed(0);
	return VAULT_OK;
}
