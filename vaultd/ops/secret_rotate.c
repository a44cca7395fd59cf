#include <stdlib.h>
#include <string.h>

#include "vaultd/core/generator.h"
#include "vaultd/core/secrets.h"
#include "vaultd/core/tenant.h"
#include "vaultd/ops/ops.h"

#define GENERATED_LENGTH 32 /* characters, where no generator was set */

enum vault_err
op_secret_policy(struct op *op, const struct secret_policy_req *req, struct secret_policy_res *res)
{
	struct generator generator = { 0 };
	struct secret_record *record;
	SECRET_EDIT_LOCAL(edit);

	(void)res;
	if (req->generator != NULL)
		TRY(generator_check(op, req->generator, &generator));
	TRY(secret_edit_open(op, req->name, &edit));
	record = &edit.record;
	record->rotation_period = req->rotation_period;
	record->keep_versions = (struct vault_opt_int){ req->keep_versions.v, true };
	record->generator_kind = (struct vault_opt_int){ generator.kind, generator.kind != 0 };
	record->generator_length =
		(struct vault_opt_int){ (int64_t)generator.length, generator.length != 0 };
	record->generator_alphabet = generator.alphabet;
	TRY(secret_edit_write(op, &edit));
	secret_tell(op, secret_event_policy, req->tenant, req->name,
		    edit.current != 0 ? edit.current : edit.last);
	return VAULT_OK;
}

/* The settings stay; an expiry moves by what the current version was given. */
static struct secret_draft
draft_of(const struct op *op, const struct secret_edit *edit)
{
	const struct secret_record *record = &edit->record;
	struct secret_draft draft = { .value = { edit->made.p, edit->made.len },
				      .owner = record->owner,
				      .metadata = record->metadata };

	if (record->expires_at.set)
		draft.expires_at = (struct vault_opt_int){
			op->now.wall + record->expires_at.v - record->created_at, true
		};
	return draft;
}

enum vault_err
op_secret_rotate(struct op *op, const struct secret_rotate_req *req, struct secret_rotate_res *res)
{
	bool pending = req->stage.v == secret_target_pending;
	struct generator generator = { .length = GENERATED_LENGTH };
	const struct secret_record *record;
	struct secret_draft draft;
	SECRET_EDIT_LOCAL(edit);

	TRY(secret_edit_open(op, req->name, &edit));
	record = &edit.record;
	if (record->generator_length.set)
		generator = (struct generator){ (int)record->generator_kind.v,
						(size_t)record->generator_length.v,
						record->generator_alphabet };
	TRY(generator_make(op->vault->arena, &generator, &edit.made));
	draft = draft_of(op, &edit);
	draft.pending = pending;
	TRY(secret_edit_add(op, &edit, &draft, &res->version));
	TRY(secret_edit_write(op, &edit));
	secret_tell(op, pending ? secret_event_pending : secret_event_put, req->tenant, req->name,
		    (uint32_t)res->version);
	return VAULT_OK;
}

enum vault_err
op_secret_promote(struct op *op, const struct secret_promote_req *req,
		  struct secret_promote_res *res)
{
	SECRET_EDIT_LOCAL(edit);

	TRY(secret_edit_open(op, req->name, &edit));
	TRY(secret_edit_promote(op, &edit, (uint32_t)req->version));
	TRY(secret_edit_write(op, &edit));
	res->version = req->version;
	secret_tell(op, secret_event_promoted, req->tenant, req->name, (uint32_t)req->version);
	return VAULT_OK;
}

enum vault_err
op_secret_discard(struct op *op, const struct secret_discard_req *req,
		  struct secret_discard_res *res)
{
	SECRET_EDIT_LOCAL(edit);

	(void)res;
	TRY(secret_edit_open(op, req->name, &edit));
	TRY(secret_edit_discard(op, &edit, (uint32_t)req->version));
	TRY(secret_edit_write(op, &edit));
	secret_tell(op, secret_event_discarded, req->tenant, req->name, (uint32_t)req->version);
	return VAULT_OK;
}
