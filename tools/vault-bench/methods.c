#include "tools/vault-bench/methods.h"

#include <stdio.h>
#include <string.h>

#include "protocol/text.h"

/* Behind array(4), 0, uint32. */
#define ID_AT 3

static void
fill_ping(const struct bench_names *names, const struct bench_sample *sample, union op_request *req)
{
	/* It has no fields. */
	(void)names;
	(void)sample;
	(void)req;
}

static void
fill_tenant_create(const struct bench_names *names, const struct bench_sample *sample,
		   union op_request *req)
{
	(void)sample;
	req->tenant_create = (struct tenant_create_req){ .tenant = names->unique };
}

static void
fill_tenant_get(const struct bench_names *names, const struct bench_sample *sample,
		union op_request *req)
{
	(void)sample;
	req->tenant_get = (struct tenant_get_req){ .tenant = names->tenant };
}

static void
fill_token_sign(const struct bench_names *names, const struct bench_sample *sample,
		union op_request *req)
{
	static const struct vault_text scope[] = { { "launch", 6 } };

	(void)sample;
	req->token_sign = (struct token_sign_req){
		.tenant = names->tenant,
		.profile = names->profile,
		.subject = TEXT_LITERAL("learner-42"),
		.scope = { scope, 1 },
	};
}

static void
fill_token_verify(const struct bench_names *names, const struct bench_sample *sample,
		  union op_request *req)
{
	req->token_verify = (struct token_verify_req){
		.tenant = names->tenant,
		.profile = names->profile,
		.token = { (const char *)sample->bytes, sample->len },
	};
}

/* An id of the daemon's own form that it never gave out: twenty bytes in base64url. */
static void
fill_token_revoke(const struct bench_names *names, const struct bench_sample *sample,
		  union op_request *req)
{
	(void)sample;
	req->token_revoke = (struct token_revoke_req){
		.tenant = names->tenant,
		.jti = TEXT_LITERAL("AAAA" COUNTER_MARK "AAAAAAAAAAA"),
	};
}

static void
fill_key_sign(const struct bench_names *names, const struct bench_sample *sample,
	      union op_request *req)
{
	(void)sample;
	req->key_sign = (struct key_sign_req){
		.tenant = names->tenant,
		.name = names->raw_key,
		.message = names->message,
	};
}

static void
fill_key_verify(const struct bench_names *names, const struct bench_sample *sample,
		union op_request *req)
{
	req->key_verify = (struct key_verify_req){
		.tenant = names->tenant,
		.name = names->raw_key,
		.message = names->message,
		.signature = { sample->bytes, sample->len },
	};
}

static void
fill_webhook_sign(const struct bench_names *names, const struct bench_sample *sample,
		  union op_request *req)
{
	(void)sample;
	req->webhook_sign = (struct webhook_sign_req){
		.tenant = names->tenant,
		.key = names->hook_key,
		.payload = names->message,
	};
}

static void
fill_crypto_encrypt(const struct bench_names *names, const struct bench_sample *sample,
		    union op_request *req)
{
	(void)sample;
	req->crypto_encrypt = (struct crypto_encrypt_req){
		.tenant = names->tenant,
		.name = names->crypto_key,
		.plaintext = names->message,
	};
}

static void
fill_crypto_decrypt(const struct bench_names *names, const struct bench_sample *sample,
		    union op_request *req)
{
	req->crypto_decrypt = (struct crypto_decrypt_req){
		.tenant = names->tenant,
		.name = names->crypto_key,
		.ciphertext = { sample->bytes, sample->len },
	};
}

static void
fill_key_create(const struct bench_names *names, const struct bench_sample *sample,
		union op_request *req)
{
	(void)sample;
	req->key_create = (struct key_create_req){
		.tenant = names->tenant,
		.name = names->unique,
		.algorithm = names->algorithm,
	};
}

static void
fill_key_rotate(const struct bench_names *names, const struct bench_sample *sample,
		union op_request *req)
{
	(void)sample;
	req->key_rotate =
		(struct key_rotate_req){ .tenant = names->tenant, .name = names->rotated };
}

static void
fill_secret_put(const struct bench_names *names, const struct bench_sample *sample,
		union op_request *req)
{
	(void)sample;
	req->secret_put = (struct secret_put_req){
		.tenant = names->tenant,
		.name = names->secret,
		.value = names->message,
	};
}

static void
fill_apikey_create(const struct bench_names *names, const struct bench_sample *sample,
		   union op_request *req)
{
	static const struct vault_text scopes[] = { { "read", 4 } };

	(void)sample;
	req->apikey_create = (struct apikey_create_req){
		.tenant = names->tenant,
		.name = names->unique,
		.scopes = { scopes, 1 },
	};
}

static void
fill_secret_get(const struct bench_names *names, const struct bench_sample *sample,
		union op_request *req)
{
	(void)sample;
	req->secret_get = (struct secret_get_req){ .tenant = names->tenant, .name = names->secret };
}

static void
fill_apikey_verify(const struct bench_names *names, const struct bench_sample *sample,
		   union op_request *req)
{
	static const struct vault_text scope[] = { { "read", 4 } };
	static const char any[APIKEY_BYTES + 1] = APIKEY_MARK "###################################"
							      "##########################";

	(void)names;
	(void)sample;
	req->apikey_verify = (struct apikey_verify_req){
		.key = { any, APIKEY_BYTES },
		.scope = { scope, 1 },
	};
}

static void
fill_apikey_list(const struct bench_names *names, const struct bench_sample *sample,
		 union op_request *req)
{
	(void)sample;
	req->apikey_list = (struct apikey_list_req){ .tenant = names->tenant };
}

static const struct method methods[] = {
	{ .op = OP_token_sign, .fill = fill_token_sign },
	{ .op = OP_token_verify,
	  .fill = fill_token_verify,
	  .needs_sample = true,
	  .sample_op = OP_token_sign },
	{ .op = OP_token_revoke, .fill = fill_token_revoke },
	{ .op = OP_key_sign, .fill = fill_key_sign },
	{ .op = OP_key_verify,
	  .fill = fill_key_verify,
	  .needs_sample = true,
	  .sample_op = OP_key_sign },
	{ .op = OP_webhook_sign, .fill = fill_webhook_sign },
	{ .op = OP_crypto_encrypt, .fill = fill_crypto_encrypt },
	{ .op = OP_crypto_decrypt,
	  .fill = fill_crypto_decrypt,
	  .needs_sample = true,
	  .sample_op = OP_crypto_encrypt },
	{ .op = OP_key_create, .fill = fill_key_create },
	{ .op = OP_key_rotate, .fill = fill_key_rotate, .modulus = ROTATE_KEYS },
	{ .op = OP_apikey_create, .fill = fill_apikey_create },
	{ .op = OP_apikey_verify, .fill = fill_apikey_verify, .needs_apikeys = true },
	{ .op = OP_apikey_list, .fill = fill_apikey_list },
	{ .op = OP_secret_put, .fill = fill_secret_put, .records = true },
	{ .op = OP_secret_get, .fill = fill_secret_get, .records = true, .scattered = true },
	{ .op = OP_tenant_create, .fill = fill_tenant_create },
	{ .op = OP_tenant_get, .fill = fill_tenant_get },
	{ .op = OP_sys_ping, .fill = fill_ping },
};

const struct method *
method_each(size_t i)
{
	return i < sizeof methods / sizeof methods[0] ? &methods[i] : NULL;
}

const struct method *
method_find(const char *name)
{
	const struct method *method;

	for (size_t i = 0; (method = method_each(i)) != NULL; i++)
		if (strcmp(op_rows[method->op].method, name) == 0)
			return method;
	return NULL;
}

static enum vault_err
keep_sample(struct caller *caller, struct bench_sample *sample, const void *p, size_t len)
{
	if (len > sizeof sample->bytes) {
		snprintf(caller->error, CALL_ERROR_MAX, "the sample is longer than %d bytes",
			 SAMPLE_MAX);
		return VAULT_TOO_LARGE;
	}
	memcpy(sample->bytes, p, len);
	sample->len = len;
	return VAULT_OK;
}

static enum vault_err
make_sample(const struct method *method, const struct bench_names *names, struct caller *caller,
	    struct bench_sample *sample)
{
	const struct method *maker = method_find(op_rows[method->sample_op].method);
	union op_request req;
	union op_result res;

	maker->fill(names, NULL, &req);
	TRY(caller_call(caller, maker->op, &req, &res));
	if (maker->op == OP_token_sign)
		return keep_sample(caller, sample, res.token_sign.token.p,
				   res.token_sign.token.len);
	if (maker->op == OP_crypto_encrypt)
		return keep_sample(caller, sample, res.crypto_encrypt.ciphertext.p,
				   res.crypto_encrypt.ciphertext.len);
	return keep_sample(caller, sample, res.key_sign.signature.p, res.key_sign.signature.len);
}

/* "Not valid" is no error to the load, so that the sample is good must be seen before it. */
static enum vault_err
check_sample(const struct method *method, const union op_request *req, struct caller *caller)
{
	union op_result res;

	TRY(caller_call(caller, method->op, req, &res));
	/* A ciphertext that does not open is an error. */
	if (method->op == OP_crypto_decrypt)
		return VAULT_OK;
	if (method->op == OP_token_verify ? res.token_verify.valid : res.key_verify.valid)
		return VAULT_OK;
	snprintf(caller->error, CALL_ERROR_MAX, "what was just signed does not verify");
	return VAULT_INTERNAL;
}

struct template template_of(struct buf bytes, uint64_t modulus)
{
	struct template t = { .bytes = bytes, .id_at = ID_AT, .modulus = modulus };
	const uint8_t *mark =
		memmem(buf_data(&bytes), buf_len(&bytes), COUNTER_MARK, COUNTER_DIGITS);

	if (mark != NULL)
		t.counter_at = (size_t)(mark - buf_data(&bytes));
	return t;
}

enum vault_err
method_prepare(const struct method *method, const struct bench_names *names, struct caller *caller,
	       struct template *out)
{
	struct bench_sample sample = { .len = 0 };
	struct buf bytes = { 0 };
	union op_request req;

	if (method->needs_sample)
		TRY(make_sample(method, names, caller, &sample));
	method->fill(names, &sample, &req);
	if (method->needs_sample)
		TRY(check_sample(method, &req, caller));
	TRY(call_encode(method->op, &req, &bytes));
	*out = template_of(bytes, method->records ? names->records : method->modulus);
	out->scattered = method->scattered;
	if (method->needs_apikeys) {
		const uint8_t *mark = memmem(buf_data(&bytes), buf_len(&bytes), APIKEY_MARK,
					     sizeof APIKEY_MARK - 1);

		out->counter_at = 0;
		out->key_at = (size_t)(mark - buf_data(&bytes));
		out->keys = names->apikeys;
	}
	return VAULT_OK;
}
