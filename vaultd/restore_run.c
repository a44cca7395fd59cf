#include "vaultd/restore_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"
#include "vaultd/base/log.h"
#include "vaultd/core/rekey.h"
#include "vaultd/core/scrub.h"
#include "vaultd/lanes/lanes.h"
#include "vaultd/net/server.h"

#define BATCH_CHANGES 256		 /* done again in one transaction */
#define CACHE_BYTES (1u << 20)		 /* of the arena, for opened tenants */
#define ROWS_SKIPPED (UINT64_C(1) << 32) /* record ids that may have been given out since */
#define TENANTS_SKIPPED 1024		 /* likewise of tenants, across a gap */
#define NO_AUDIT "no audit directory was given"
#define NS_PER_S INT64_C(1000000000)

static enum vault_err
commit_batch(struct restore_run *run)
{
	struct txn *txn = run->txn;

	run->txn = NULL;
	run->batched = 0;
	return txn == NULL ? VAULT_OK : txn_commit(txn);
}

/* An operation of the restore's own, at that time (0: now), in the batch. */
static enum vault_err
begin(struct restore_run *run, int64_t at_ns, struct op *op)
{
	struct clock_now now = clock_read();

	if (run->batched >= BATCH_CHANGES)
		TRY(commit_batch(run));
	if (run->txn == NULL)
		TRY(txn_write(run->vault->store, &run->txn));
	run->batched++;
	if (at_ns > 0 && at_ns < now.wall_ns) {
		now.wall_ns = at_ns;
		now.wall = at_ns / NS_PER_S;
	}
	change_start(&run->change, run->txn);
	cache_next_operation(&run->runner.cache);
	*op = (struct op){
		.vault = run->vault,
		.who = &run->self.who,
		.session = &run->self,
		.now = now,
		.change = &run->change,
		.txn = run->txn,
		.cache = &run->runner.cache,
		.random = &run->runner.random,
		.scratch = &run->runner.scratch,
		.work = &run->runner.work,
	};
	return VAULT_OK;
}

/* What the operation changed is seen by the next. */
static void
end(struct restore_run *run, const struct op *op)
{
	if (op->effects.touched != NULL)
		atomic_fetch_add(&op->effects.touched->generation, 1);
	scratch_reset(&run->runner.scratch, true);
}

static enum vault_err
open_keys(struct restore_run *run, struct slot_opened *root)
{
	const struct backup_header *header = &run->load->header;
	const struct keyring *keyring = &run->vault->keyring;
	struct clock_now now = clock_read();
	uint8_t format;

	TRY(txn_write(run->vault->store, &run->txn));
	TRY(keyring_format(run->txn, &format));
	if (format > STORE_FORMAT)
		return VAULT_UNSUPPORTED;
	TRY(vault_restore_open(run->vault, run->txn, root, &now));
	if (memcmp(keyring->store.store_id, header->store_id, STORE_ID_BYTES) == 0 &&
	    memcmp(keyring->identity.public_key, header->identity, ED25519_PUBLIC_BYTES) == 0)
		return VAULT_OK;
	log_error("the backup was not signed by the store that it holds");
	return VAULT_INTEGRITY;
}

static enum vault_err
check_rows(struct restore_run *run)
{
	enum vault_err err;
	struct op op;

	TRY(begin(run, 0, &op));
	err = restore_check(&op, NULL, &run->checked);
	end(run, &op);
	if (err == VAULT_INTEGRITY)
		log_error("a record does not open: the store was damaged when it was backed up");
	TRY(err);
	if (run->checked.store > run->checked.rows)
		log_warning("%" PRIu64 " records stand under no name",
			    run->checked.store - run->checked.rows);
	return VAULT_OK;
}

enum vault_err
restore_run_open(struct restore_run *run)
{
	struct slot_opened root = { .generation = run->load->root.generation };
	enum vault_err err;

	/* A copy: loading has its own to free. */
	TRY(secret_copy(run->vault->arena, run->load->root.root.p, run->load->root.root.len,
			&root.root));
	err = open_keys(run, &root);
	secret_free(&root.root);
	if (err == VAULT_UNSUPPORTED)
		log_error("the store is of a newer format; restore with the build that wrote it");
	else if (err == VAULT_INTEGRITY)
		log_error("the keys of the store do not open: it is damaged");
	TRY(err);
	/* From here on there is something to close. */
	atomic_store(&run->vault->state, STATE_SEALING);
	TRY(runner_init(&run->runner, run->vault, CACHE_BYTES, false));
	TRY(runner_turn(&run->runner));
	run->self.who =
		(struct identity){ .uid = run->by_uid, .gid = run->by_gid, .pid = getpid() };
	return check_rows(run);
}

enum vault_err
restore_run_erased(struct restore_run *run, struct vault_text text)
{
	const struct keyring *keyring = &run->vault->keyring;
	struct certificate certificate;
	enum vault_err err;
	struct op op;

	err = certificate_read(text, keyring->identity.public_key, &certificate);
	if (err != VAULT_OK ||
	    memcmp(certificate.store_id, keyring->store.store_id, STORE_ID_BYTES) != 0) {
		log_error("the certificate is not one of this store, or was changed");
		return VAULT_INTEGRITY;
	}
	TRY(begin(run, 0, &op));
	err = restore_drop_tenant(&op, certificate.number);
	end(run, &op);
	if (err == VAULT_NOT_FOUND) {
		log_info("the backup holds no tenant of number %" PRIu32 " any more",
			 certificate.number);
		return VAULT_OK;
	}
	TRY(err);
	run->tally.dropped++;
	log_info("tenant %.*s was erased, and is dropped", (int)certificate.tenant.len,
		 certificate.tenant.p);
	return VAULT_OK;
}

static enum vault_err
replay_all(struct restore_run *run, struct audit_surviving *surviving)
{
	struct audit_record rec;
	enum vault_err err;
	bool change;

	while ((err = audit_surviving_next(surviving, &rec, &change)) == VAULT_OK) {
		struct op op;

		if (!change)
			continue;
		if (restore_interrupted())
			return VAULT_BUSY;
		TRY(begin(run, rec.time_ns, &op));
		err = restore_replay(&op, &rec, &run->tally);
		end(run, &op);
		if (err != VAULT_OK) {
			const struct op_row *row = op_by_number(rec.method);

			log_error("what the audit tells of cannot be done again (%s): %s",
				  row == NULL ? "?" : row->method, vault_err_message(err));
			return err;
		}
	}
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
refuse_gap(const char *why, int dir)
{
	log_error("the audit does not lead on from the backup: %s", why);
	if (dir < 0)
		log_error("give the directory of the audit that survived with --audit");
	log_error("with --accept-gap what cannot be known is refused: API keys with a number of "
		  "uses are disabled, and tokens issued until now");
	return VAULT_CONFLICT;
}

/* Told before the backup is read: that may take an hour. */
enum vault_err
restore_run_audit_missing(void)
{
	return refuse_gap(NO_AUDIT, -1);
}

static enum vault_err
look_and_replay(struct restore_run *run, struct audit_surviving *surviving, int dir,
		bool accept_gap)
{
	const struct backup_manifest *manifest = &run->load->manifest;
	const struct keyring *keyring = &run->vault->keyring;
	struct audit_half half = { .secret = run->load->half.secret };
	SECRET_LOCAL(wrap_keys);
	struct audit_opener opener = { .arena = run->vault->arena,
				       .wrap_key = &wrap_keys,
				       .store_id = keyring->store.store_id };
	struct audit_since since = { .head = { .segment = manifest->audit_segment,
					       .offset = manifest->audit_offset,
					       .seq = manifest->audit_seq },
				     .time_ns = manifest->started * NS_PER_S };

	memcpy(since.head.hash, manifest->audit_hash, sizeof since.head.hash);
	memcpy(half.public_key, run->load->half.public_key, sizeof half.public_key);
	/* Segments since a new root key open by the slot alone. */
	opener.half = run->load->header.to == BACKUP_TO_SLOTS ? &half : NULL;
	TRY(keyring_audit_keys(keyring, run->txn, &wrap_keys));
	TRY(audit_surviving_open(surviving, dir, &opener, &since));
	run->joined = surviving->joined;
	run->why = surviving->why;
	if (!run->joined && !accept_gap)
		return refuse_gap(run->why, dir);
	TRY(replay_all(run, surviving));
	run->survived_ns = surviving->last_ns;
	run->stopped = surviving->stopped;
	return VAULT_OK;
}

enum vault_err
restore_run_audit(struct restore_run *run, int dir, bool accept_gap)
{
	struct audit_surviving surviving = { .walk = { .reader = AUDIT_READER_NONE } };
	enum vault_err err;

	if (dir < 0) {
		run->why = NO_AUDIT;
		return accept_gap ? VAULT_OK : refuse_gap(run->why, dir);
	}
	err = look_and_replay(run, &surviving, dir, accept_gap);
	audit_surviving_free(&surviving);
	if (err == VAULT_AUDIT_UNAVAILABLE)
		log_error("the surviving audit cannot be read");
	return err;
}

/* One tenant, in operations of its own. */
static enum vault_err
settle_tenant(struct restore_run *run, uint32_t number)
{
	enum vault_err err;
	struct op op;

	TRY(begin(run, 0, &op));
	err = tenant_by_number(&op, number, &op.tenant);
	if (err == VAULT_OK)
		err = restore_raise_numbers(&op);
	if (err == VAULT_OK && !run->joined)
		err = restore_close_gap(&op, &run->disabled);
	end(run, &op);
	/* One on its way in has keys and no name: it serves nobody, and is swept after the unseal. */
	return err == VAULT_NOT_FOUND && op.tenant == NULL ? VAULT_OK : err;
}

/* The first tenant behind that number; VAULT_NOT_FOUND behind the last. */
static enum vault_err
next_tenant(struct restore_run *run, uint32_t *number)
{
	struct row_key after, found;
	uint64_t id;
	struct op op;

	if (*number == UINT32_MAX)
		return VAULT_NOT_FOUND;
	after = tenant_numbered(ROW_TENANT_WRAPS, *number + 1);
	TRY(begin(run, 0, &op));
	TRY(row_seek(op.txn, &after, &found, &id));
	if (memcmp(found.tag, after.tag, 4) < 0) /* row_seek begins again at the first */
		return VAULT_NOT_FOUND;
	*number = tenant_wraps_number(&found);
	return VAULT_OK;
}

/*
 * Whether the store goes on behind the backup. Then slots, or tenants with their keys, may have been
 * removed from it, whose remains in freed pages nothing that is left should open.
 */
static bool
went_on(const struct restore_run *run)
{
	return run->tally.replayed > 0 || run->tally.dropped > 0;
}

/*
 * With the backup, the secret of a slot that was removed since gives the backup's root key. The new
 * audit, which begins behind this, is under the new one from its first segment on.
 */
static enum vault_err
replace_root(struct restore_run *run, struct op *op)
{
	enum vault_err err = scrub_want(op);

	if (err == VAULT_OK)
		err = vault_rekey(run->vault, op->change);
	if (err == VAULT_OK)
		err = commit_batch(run);
	if (err == VAULT_OK)
		lanes_tell_rekeyed(vault_rekeyed(run->vault, op->now.wall_ns));
	else
		vault_rekey_drop(run->vault);
	return err;
}

enum vault_err
restore_run_tenants(struct restore_run *run)
{
	struct vault *vault = run->vault;
	uint32_t number = 0, behind;
	enum vault_err err;
	struct op op;

	while ((err = next_tenant(run, &number)) == VAULT_OK)
		TRY(settle_tenant(run, number));
	if (err != VAULT_NOT_FOUND)
		return err;
	behind = run->tally.highest_tenant + 1;
	if (!run->joined)
		behind = (vault->next_tenant > behind ? vault->next_tenant : behind) +
			 TENANTS_SKIPPED;
	if (vault->next_tenant < behind)
		vault->next_tenant = behind;
	TRY(begin(run, 0, &op));
	row_skip_to(op.txn, row_next(op.txn) + ROWS_SKIPPED);
	return went_on(run) ? replace_root(run, &op) : commit_batch(run);
}

static enum vault_err
record(const struct restore_run *run, struct audit_batch *batch)
{
	const struct backup_manifest *manifest = &run->load->manifest;
	struct audit_restored restored = { .segment = manifest->audit_segment,
					   .offset = manifest->audit_offset,
					   .seq = manifest->audit_seq,
					   .joined = run->joined,
					   .replayed = run->tally.replayed,
					   .refused = run->tally.refused,
					   .dropped = run->tally.dropped };
	uint8_t detail[AUDIT_RESTORED_BYTES];
	char id[BACKUP_ID_TEXT];
	struct audit_record rec = {
		.time_ns = clock_read().wall_ns,
		.uid = run->by_uid,
		.gid = run->by_gid,
		.pid = (uint32_t)getpid(),
		.method = AUDIT_METHOD_NONE,
		.event = AUDIT_EVENT_RESTORE,
		.outcome = audit_outcome_ok,
		.detail = { detail, sizeof detail },
	};

	memcpy(restored.backup_id, manifest->id, sizeof restored.backup_id);
	memcpy(restored.hash, manifest->audit_hash, sizeof restored.hash);
	audit_restored_write(&restored, detail);
	backup_id_text(manifest->id, id);
	rec.id = text_of(id);
	return audit_batch_add(batch, &rec);
}

static enum vault_err
make_durable(struct restore_run *run, struct audit_batch *batch)
{
	struct commit commit = { .records = batch, .now_ns = clock_read().wall_ns, .opened = true };
	enum vault_err err = lanes_disk_full(run->vault) ? VAULT_STORAGE_FULL : VAULT_OK;
	uint8_t format = 0;

	if (err == VAULT_OK)
		err = txn_write(run->vault->store, &commit.txn);
	if (err == VAULT_OK)
		err = vault_restore_begin(run->vault, commit.txn, &format);
	if (err == VAULT_OK) {
		lanes_tell_migrated(format);
		atomic_store(&run->vault->state, STATE_OPEN);
		err = record(run, batch);
	}
	if (err == VAULT_OK)
		err = lanes_make_durable(run->vault, &commit);
	txn_abort(commit.txn);
	return err;
}

enum vault_err
restore_run_seal(struct restore_run *run)
{
	struct audit_batch batch = { 0 };
	enum vault_err err = make_durable(run, &batch);

	audit_batch_free(&batch);
	runner_forget(&run->runner);
	if (vault_state(run->vault) == STATE_OPEN)
		server_close_vault(run->vault);
	return err;
}

void
restore_run_free(struct restore_run *run)
{
	txn_abort(run->txn);
	run->txn = NULL;
	if (run->runner.vault != NULL)
		runner_free(&run->runner);
	run->runner.vault = NULL;
	if (vault_state(run->vault) == STATE_SEALING)
		vault_forget(run->vault);
}
