#include "tools/vault-bench/setup.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"
#include "tools/vault-bench/load.h"

#define KEYFILE_MAX 4096
/* The keys of key.rotate are made side by side, so that commits are shared. */
#define SETUP_IN_FLIGHT 256

static enum vault_err
said(const struct caller *caller, const char *what, enum vault_err err)
{
	if (err != VAULT_OK)
		warnx("%s: %s", what, caller->error);
	return err;
}

/* Makes one thing; one that is there already will do. */
static enum vault_err
make(struct caller *caller, enum op_id op, const void *req)
{
	enum vault_err err = caller_call(caller, op, req, NULL);

	return err == VAULT_EXISTS ? VAULT_OK : said(caller, op_rows[op].method, err);
}

static enum vault_err
read_keyfile(const char *path, uint8_t *bytes, struct vault_bytes *key)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, KEYFILE_MAX);

	if (n < 0)
		warn("%s", path);
	else
		*key = (struct vault_bytes){ bytes, (size_t)n };
	if (fd >= 0)
		close(fd);
	return n < 0 ? VAULT_INTERNAL : VAULT_OK;
}

static enum vault_err
open_with(struct caller *caller, const struct sys_status_res *status, struct vault_bytes key)
{
	if (!status->initialized) {
		struct sys_init_req init = { .keyfile = key };

		return said(caller, "sys.init", caller_call(caller, OP_sys_init, &init, NULL));
	}
	return said(caller, "sys.unseal",
		    caller_call(caller, OP_sys_unseal, &(struct sys_unseal_req){ .keyfile = key },
				NULL));
}

static enum vault_err
open_vault(struct caller *caller, const char *keyfile)
{
	struct sys_status_res status;
	uint8_t bytes[KEYFILE_MAX];
	struct vault_bytes key;
	enum vault_err err;

	if (keyfile == NULL)
		return VAULT_OK;
	TRY(said(caller, "sys.status", caller_call(caller, OP_sys_status, "", &status)));
	if (status.initialized && !status.sealed)
		return VAULT_OK;
	TRY(read_keyfile(keyfile, bytes, &key));
	err = open_with(caller, &status, key);
	explicit_bzero(bytes, sizeof bytes);
	return err;
}

static enum vault_err
make_keys(struct caller *caller, const struct bench_names *names)
{
	struct key_create_req key = { .tenant = names->tenant, .algorithm = names->algorithm };

	key.name = names->token_key;
	key.usage = (struct vault_opt_enum){ key_usage_token, true };
	TRY(make(caller, OP_key_create, &key));
	key.name = names->raw_key;
	key.usage = (struct vault_opt_enum){ key_usage_raw, true };
	TRY(make(caller, OP_key_create, &key));
	/* Webhooks have no ES256 and RS256. */
	if (names->algorithm != key_algorithm_ES256 && names->algorithm != key_algorithm_RS256) {
		key.name = names->hook_key;
		key.usage = (struct vault_opt_enum){ key_usage_webhook, true };
		TRY(make(caller, OP_key_create, &key));
	}
	key = (struct key_create_req){ .tenant = names->tenant,
				       .name = names->crypto_key,
				       .algorithm = key_algorithm_XC20P };
	return make(caller, OP_key_create, &key);
}

static enum vault_err
make_profile(struct caller *caller, const struct bench_names *names)
{
	static const struct vault_text audience[] = { { "https://content.example", 23 } };
	static const struct vault_text scopes[] = { { "launch", 6 } };
	struct profile_put_req profile = {
		.tenant = names->tenant,
		.name = names->profile,
		.key = names->token_key,
		.issuer = TEXT_LITERAL("https://lms.example"),
		.audience = { audience, 1 },
		.scopes = { scopes, 1 },
		.ttl = { .v = 3600, .set = true },
	};

	return make(caller, OP_profile_put, &profile);
}

static enum vault_err
load_keys(const char *path, const struct load_plan *plan)
{
	struct load_result *result = calloc(1, sizeof *result);
	int fd = caller_dial(path);
	enum vault_err err = VAULT_INTERNAL;

	if (result == NULL || fd < 0)
		warn("%s", path);
	else if (!load_run(plan, &fd, result) || result->errors > 0)
		warnx("setup: %s", result->first_error);
	else
		err = VAULT_OK;
	if (fd >= 0)
		close(fd);
	free(result);
	return err;
}

static enum vault_err
make_rotated(const char *path, const struct bench_names *names)
{
	struct key_create_req req = {
		.tenant = names->tenant,
		.name = names->rotated,
		.algorithm = names->algorithm,
		/* Old versions retire at once: the row stays small. */
		.overlap = { .v = 0, .set = true },
	};
	struct load_plan plan = {
		.wire = wire_rpc(),
		.connections = 1,
		.in_flight = SETUP_IN_FLIGHT,
		.count = ROTATE_KEYS,
		.tolerate = VAULT_EXISTS,
	};
	struct template template;
	struct buf bytes = { 0 };
	enum vault_err err;

	TRY(call_encode(OP_key_create, &req, &bytes));
	template = template_of(bytes, ROTATE_KEYS);
	plan.template = &template;
	err = load_keys(path, &plan);
	buf_free(&template.bytes);
	return err;
}

static enum vault_err
make_apikeys(const struct setup *setup)
{
	const struct method *method = method_find("apikey.create");
	struct load_plan plan = {
		.wire = wire_rpc(),
		.connections = 1,
		.in_flight = IN_FLIGHT_MAX,
		.count = setup->apikey_count,
		.made = setup->apikeys,
	};
	struct template template;
	struct buf bytes = { 0 };
	union op_request req;
	enum vault_err err;

	method->fill(setup->names, NULL, &req);
	TRY(call_encode(OP_apikey_create, &req, &bytes));
	template = template_of(bytes, 0);
	plan.template = &template;
	err = load_keys(setup->admin_socket, &plan);
	buf_free(&template.bytes);
	return err;
}

static enum vault_err
make_all(struct caller *caller, const struct setup *setup)
{
	struct tenant_create_req tenant = { .tenant = setup->names->tenant };

	TRY(open_vault(caller, setup->keyfile));
	TRY(make(caller, OP_tenant_create, &tenant));
	TRY(make_keys(caller, setup->names));
	TRY(make_profile(caller, setup->names));
	if (setup->apikeys != NULL)
		TRY(make_apikeys(setup));
	return setup->rotated ? make_rotated(setup->admin_socket, setup->names) : VAULT_OK;
}

enum vault_err
setup_run(const struct setup *setup)
{
	struct caller caller;
	enum vault_err err = caller_open(&caller, setup->admin_socket);

	if (err == VAULT_OK)
		err = make_all(&caller, setup);
	else
		warnx("%s", caller.error);
	caller_close(&caller);
	return err;
}
