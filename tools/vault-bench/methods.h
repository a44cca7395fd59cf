/*
 * What each method that can be measured is asked with.
 */
#ifndef VAULT_BENCH_METHODS_H
#define VAULT_BENCH_METHODS_H

#include "protocol/ops.h"
#include "tools/vault-bench/apikeys.h"
#include "tools/vault-bench/call.h"

/* Keys that key.rotate goes round, so that no one key's row grows with the length of the run. */
#define ROTATE_KEYS 4096
/* Bytes of a token, signature or ciphertext that is checked or decrypted again and again. */
#define SAMPLE_MAX 16384

/* The names that requests carry and --setup makes. */
struct bench_names {
	struct vault_text tenant;
	struct vault_text profile;   /* of token.* */
	struct vault_text token_key; /* of usage token: what the profile signs with */
	struct vault_text raw_key;   /* of usage raw: key.sign and key.verify */
	struct vault_text hook_key;  /* of usage webhook */
	struct vault_text crypto_key;
	int algorithm;		       /* enum key_algorithm of all but crypto_key */
	struct vault_bytes message;    /* that is signed or encrypted */
	const struct apikeys *apikeys; /* that apikey.verify sends */
	struct vault_text unique;  /* COUNTER_MARK inside: a name of this run's own for everything
					that is made */
	struct vault_text rotated; /* COUNTER_MARK inside: the keys that key.rotate goes round */
	struct vault_text secret;  /* COUNTER_MARK inside: the secrets that secret.* go round */
	uint64_t records;	   /* ... so many */
};

/* What is verified or decrypted: made once before the load. */
struct bench_sample {
	uint8_t bytes[SAMPLE_MAX];
	size_t len;
};

struct method {
	enum op_id op;
	void (*fill)(const struct bench_names *names, const struct bench_sample *sample,
		     union op_request *req);
	uint64_t modulus; /* of the counter; 0: it never comes round, unless records */
	bool records;	  /* the counter goes round the names' records */
	bool scattered;	  /* in no order */
	bool needs_sample;
	bool needs_apikeys;
	enum op_id sample_op; /* what makes the sample; its own row fills that request */
};

/* The row of a method's name, or NULL; method_each walks the list (NULL behind its end). */
const struct method *method_find(const char *name);
const struct method *method_each(size_t i);

/* Encodes the method's request, its sample made over the caller where it needs one. */
MUST_USE enum vault_err method_prepare(const struct method *method, const struct bench_names *names,
				       struct caller *caller, struct template *out);

/* A template for bytes that the caller encoded. */
struct template template_of(struct buf bytes, uint64_t modulus);

#endif
