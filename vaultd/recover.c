#include "vaultd/recover.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "protocol/text.h"
#include "vaultd/lanes/lanes.h"
#include "vaultd/net/server.h"
#include "vaultd/setup.h"

#define UID_NONE UINT32_MAX /* what setuid() and its like take for "no user" */

struct recovery {
	struct setup_options from;
	struct command_secret source;
	uint32_t uid;
	struct vault_text slot;	 /* p NULL: any */
	uint32_t by_uid, by_gid; /* who runs it, before he became somebody else */
	struct setup setup;
	struct secret secret;
	struct vault_opening opening;
	struct clock_now now;
	bool written; /* the grant; false: it was there */
};

/* False for what no grant can be for: an unmapped user is nobody, whatever a grant says. */
static bool
parse_uid(const char *text, uint32_t *uid)
{
	unsigned long long v;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || v >= UID_NONE || v == UID_NOBODY)
		return false;
	*uid = (uint32_t)v;
	return true;
}

/* -1: go on; else the exit status. */
static int
take_option(const struct command *self, int c, struct recovery *recovery)
{
	switch (c) {
	case 'c':
		recovery->from.config = optarg;
		return -1;
	case 's':
		recovery->from.state = optarg;
		return -1;
	case 'u':
		if (parse_uid(optarg, &recovery->uid))
			return -1;
		return command_misused(self, "--uid: not the number of a user");
	case 'l':
		recovery->slot = text_of(optarg);
		if (text_name(recovery->slot))
			return -1;
		return command_misused(self, "--slot: not the name of a slot");
	case 'p':
		recovery->source.passphrase_file = optarg;
		return -1;
	case 'k':
		recovery->source.keyfile = optarg;
		return -1;
	case 'f':
		if (recovery->source.share_count == SHARES_MAX)
			return command_misused(self, "a slot has 16 shares at most");
		recovery->source.share_files[recovery->source.share_count++] = optarg;
		return -1;
	case 'a':
		recovery->source.ask_shares = true;
		return -1;
	case 'h':
		return command_help(self);
	case 'x':
		return command_misused(self, "a passphrase comes from a file or a prompt only");
	default:
		return command_misused(self, "wrong usage");
	}
}

static int
parse_options(const struct command *self, int argc, char **argv, struct recovery *recovery)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "uid", required_argument, NULL, 'u' },
		{ "slot", required_argument, NULL, 'l' },
		{ "passphrase-file", required_argument, NULL, 'p' },
		{ "keyfile", required_argument, NULL, 'k' },
		{ "share-file", required_argument, NULL, 'f' },
		{ "shares", no_argument, NULL, 'a' },
		/* Else it would stand for the longer name, and the log would tell the secret. */
		{ "passphrase", required_argument, NULL, 'x' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+h", longs, NULL)) != -1) {
		int status = take_option(self, c, recovery);

		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return command_misused(self, "it takes options only");
	if (command_secret_count(&recovery->source) > 1)
		return command_misused(self, "give one of --passphrase-file, --keyfile, "
					     "--share-file and --shares");
	return -1;
}

/* Nothing is made in a directory that holds no vault. */
static enum vault_err
open_vault_files(struct recovery *recovery)
{
	struct setup *setup = &recovery->setup;
	enum vault_err err = setup_state(setup);

	if (err == VAULT_BUSY)
		log_error("stop the daemon first: its grants are in its memory");
	TRY(err);
	if (faccessat(setup->state_dir, "store/data.mdb", F_OK, 0) == 0) {
		TRY(setup_store(setup));
		if (vault_state(&setup->vault) == STATE_SEALED)
			return VAULT_OK;
	}
	log_error("there is no vault in %s: nobody has initialised it", setup->config.state);
	return VAULT_UNINITIALIZED;
}

static enum vault_err
tell_locked(int64_t retry_ms)
{
	log_error("locked after five wrong secrets within 30 minutes; try again in %" PRId64
		  " minutes",
		  (retry_ms + 59999) / 60000);
	return VAULT_LOCKED;
}

/* Who is locked out is not asked for anything. */
static enum vault_err
get_secret(struct recovery *recovery)
{
	struct vault *vault = &recovery->setup.vault;
	int64_t retry_ms = 0;

	recovery->now = clock_read();
	if (unseal_guard_check(&vault->guard, &recovery->now, &retry_ms) != VAULT_OK)
		return tell_locked(retry_ms);
	if (recovery->secret.p == NULL)
		TRY(recovery->source.ask_shares
			    ? command_shares_ask(vault->arena, &recovery->secret)
			    : command_secret_ask(vault->arena, &recovery->secret));
	recovery->now = clock_read();
	return VAULT_OK;
}

static enum vault_err
open_slot(struct recovery *recovery)
{
	struct vault *vault = &recovery->setup.vault;
	struct slot_secret secret = {
		.kind = command_secret_kind(&recovery->source),
		.bytes = { recovery->secret.p, recovery->secret.len },
		.slot = recovery->slot,
	};
	struct vault_attempt attempt = { .secret = &secret, .now = &recovery->now };
	struct txn *txn;
	enum vault_err err;

	TRY(txn_read(vault->store, &txn));
	err = vault_try_slots(vault, txn, &attempt, &recovery->opening.slot);
	txn_abort(txn);
	secret_free(&recovery->secret);
	if (err == VAULT_LOCKED)
		return tell_locked(attempt.retry_ms);
	if (err == VAULT_NOT_FOUND)
		log_error("there is no such slot");
	else if (err == VAULT_DENIED)
		log_error("no slot opens with this secret");
	else if (err != VAULT_OK)
		log_error("the slots cannot be opened: %s", vault_err_message(err));
	return err;
}

/* The grant, in the change, unless it is there. The only place that knows how it is written. */
static enum vault_err
put_grant(struct recovery *recovery, struct change *change)
{
	struct vault *vault = &recovery->setup.vault;
	const struct row_keys *store = &vault->keyring.store;

	if (policy_has_owner(vault->policy.current, recovery->uid))
		return VAULT_OK;
	if (vault->policy.current->grant_count >= GRANTS_MAX) {
		log_error("there are %d grants, and no room for one more", GRANTS_MAX);
		return VAULT_CONFLICT;
	}
	recovery->written = true;
	return grants_create_owner(change, store, recovery->uid, recovery->now.wall);
}

static enum vault_err
record(const struct recovery *recovery, const struct change *change, struct audit_batch *batch)
{
	uint8_t rows[SHA256_BYTES];
	char principal[PRINCIPAL_MAX + 1];
	struct audit_record rec = {
		.time_ns = recovery->now.wall_ns,
		.uid = recovery->by_uid,
		.gid = recovery->by_gid,
		.pid = (uint32_t)getpid(),
		.method = AUDIT_METHOD_NONE,
		.event = AUDIT_EVENT_RECOVER_OWNER,
		.outcome = audit_outcome_ok,
		.slot = recovery->slot,
	};

	snprintf(principal, sizeof principal, "uid:%" PRIu32, recovery->uid);
	rec.name = text_of(principal);
	if (change->count > 0) {
		struct sha256 hash = change->rows;

		sha256_end(&hash, rows);
		rec.row_hash = (struct vault_bytes){ rows, sizeof rows };
	}
	return audit_batch_add(batch, &rec);
}

/* Opens the vault and writes, all in one commit as sys.unseal and a change would be. */
static enum vault_err
change_grants(struct recovery *recovery, struct commit *commit, struct audit_batch *batch)
{
	struct vault *vault = &recovery->setup.vault;
	struct change change;
	enum vault_err err = vault_load(vault, commit->txn, &recovery->opening, &recovery->now);

	lanes_tell_findings(&recovery->opening);
	TRY(err);
	atomic_store(&vault->state, STATE_OPEN);
	change_start(&change, commit->txn);
	TRY(put_grant(recovery, &change));
	TRY(record(recovery, &change, batch));
	return lanes_make_durable(vault, commit);
}

static enum vault_err
write_grant(struct recovery *recovery)
{
	struct vault *vault = &recovery->setup.vault;
	struct audit_batch batch = { 0 };
	struct commit commit = { .records = &batch,
				 .now_ns = recovery->now.wall_ns,
				 .opened = true };
	enum vault_err err = lanes_disk_full(vault) ? VAULT_STORAGE_FULL : VAULT_OK;

	if (err == VAULT_OK)
		err = txn_write(vault->store, &commit.txn);
	if (err == VAULT_OK)
		err = change_grants(recovery, &commit, &batch);
	txn_abort(commit.txn);
	audit_batch_free(&batch);
	/* Also after an error: what began the audit ends it. */
	server_close_vault(vault);
	if (err != VAULT_OK)
		log_error("nothing was changed: %s", vault_err_message(err));
	return err;
}

/*
 * What needs root, or files that the state's owner cannot read, comes before becoming him; the
 * question comes when nothing but a wrong answer can refuse any more, and before the sandbox, which
 * lets nobody near a terminal.
 */
static enum vault_err
recover(struct recovery *recovery)
{
	struct setup *setup = &recovery->setup;

	TRY(setup_memory(setup));
	TRY(command_secret_read(&recovery->source, setup->vault.arena, &recovery->secret));
	TRY(setup_become_owner(setup));
	TRY(open_vault_files(recovery));
	TRY(get_secret(recovery));
	TRY(setup_sandbox(setup, NULL));
	TRY(open_slot(recovery));
	return write_grant(recovery);
}

static int
run(const struct command *self, int argc, char **argv)
{
	static struct recovery recovery = { .setup = SETUP_EMPTY };
	int status = parse_options(self, argc, argv, &recovery);
	enum vault_err err;

	if (status >= 0)
		return status;
	if (setup_config(&recovery.from, &recovery.setup.config) != VAULT_OK)
		return EXIT_USAGE_ERROR;
	log_open(recovery.setup.config.log_level);
	recovery.by_uid = (uint32_t)getuid();
	recovery.by_gid = (uint32_t)getgid();
	err = recover(&recovery);
	secret_free(&recovery.secret);
	vault_opening_free(&recovery.opening);
	setup_close(&recovery.setup);
	if (err != VAULT_OK)
		return err == VAULT_INVALID_PARAMS ? EXIT_USAGE_ERROR : EXIT_FAILED;
	command_say(recovery.written ? "uid %" PRIu32 " is an owner from the next start on"
				     : "uid %" PRIu32 " is an owner already; nothing was changed",
		    recovery.uid);
	return EXIT_OK;
}

const struct command recover_owner_command = {
	.name = "recover-owner",
	.summary = "make a user an owner again, with an unseal slot's secret",
	.usage = "usage: vaultd recover-owner [--config FILE] [--state DIR] [--uid N] [--slot "
		 "NAME]\n"
		 "                            [--passphrase-file FILE | --keyfile FILE |\n"
		 "                             --share-file FILE... | --shares]\n"
		 "\n"
		 "Grants the role owner on everything to a user, for when nobody is left who may "
		 "grant anything.\n"
		 "No daemon may run. Without a file it asks for the passphrase. It is audited.\n"
		 "\n"
		 "  --config FILE           read FILE instead of " CONFIG_DEFAULT_FILE "\n"
		 "  --state DIR             the store and the audit (default /var/lib/vaultd)\n"
		 "  --uid N                 the user (default 0, which is root)\n"
		 "  --slot NAME             try this unseal slot only\n"
		 "  --passphrase-file FILE  the slot's passphrase; one newline at its end does not "
		 "count\n"
		 "  --keyfile FILE          the slot's key file\n"
		 "  --share-file FILE       one of the slot's shares; as often as shares are "
		 "needed\n"
		 "  --shares                ask for the slot's shares, one after the other\n"
		 "\n"
		 "Exit status: 0 done, or there was nothing to do; 1 wrong usage or configuration; "
		 "2 refused or failed.\n",
	.run = run,
};
