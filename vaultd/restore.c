#include "vaultd/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vaultd/restore_options.h"
#include "vaultd/restore_place.h"
#include "vaultd/restore_run.h"
#include "vaultd/setup.h"

#define KEYS_SUFFIX ".keys"
#define COPY_NAME "copy" /* of the store, where something was removed from it */
#define NS_PER_S INT64_C(1000000000)

struct restore {
	struct restore_options options;
	struct setup setup;
	struct secret secret;
	struct restore_file backup, keys;
	char keys_beside[CONFIG_PATH_MAX];
	struct backup_secret opening; /* as secret is tried */
	struct backup_header header;
	struct buf certificates[RESTORE_ERASED_MAX]; /* as options.erased */
	int audit_dir;
	struct restore_place place;
	bool anchor_elsewhere;
	struct restore_load load;
	struct restore_run run;
};

static enum vault_err
open_audit(struct restore *restore)
{
	if (restore->options.audit == NULL)
		return VAULT_OK;
	restore->audit_dir = open(restore->options.audit, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (restore->audit_dir >= 0)
		return VAULT_OK;
	log_error("%s: %s", restore->options.audit, strerror(errno));
	return VAULT_INVALID_PARAMS;
}

/* A split backup's second file, named or beside the first. */
static enum vault_err
open_keys(struct restore *restore)
{
	char *beside = restore->keys_beside;
	const char *name = restore->options.keys;

	if ((restore->header.flags & BACKUP_SPLIT) == 0) {
		if (name == NULL)
			return VAULT_OK;
		log_error("--keys: the tenants' keys are in the backup itself");
		return VAULT_INVALID_PARAMS;
	}
	if (name == NULL && snprintf(beside, CONFIG_PATH_MAX, "%s" KEYS_SUFFIX,
				     restore->options.file) < CONFIG_PATH_MAX)
		name = beside;
	if (name != NULL && restore_file_open(&restore->keys, name) == VAULT_OK)
		return VAULT_OK;
	log_error("the tenants' keys were split from this backup: without that file no tenant can "
		  "be served; --keys names it");
	return VAULT_INVALID_PARAMS;
}

static enum vault_err
check_kind(const struct backup_header *header)
{
	if (header->kind == BACKUP_STORE)
		return VAULT_OK;
	log_error(header->kind == BACKUP_KEYS
			  ? "this is the file of keys of a split backup: give the other one"
			  : "this is a tenant's export: tenant.import takes it");
	return VAULT_INVALID_PARAMS;
}

/* What root may read, and the state's owner perhaps not. */
static enum vault_err
open_files(struct restore *restore)
{
	struct setup *setup = &restore->setup;

	TRY(restore_file_open(&restore->backup, restore->options.file));
	TRY(restore_read_header(&restore->backup, &restore->header));
	TRY(check_kind(&restore->header));
	TRY(restore_check_signer(&restore->header, restore->options.signed_by));
	TRY(open_keys(restore));
	TRY(open_audit(restore));
	for (size_t i = 0; i < restore->options.erased_count; i++)
		TRY(restore_read_text(restore->options.erased[i], &restore->certificates[i]));
	return restore_secret_read(&restore->options.source, setup->vault.arena, &restore->secret);
}

/* A part, with the lock of a state directory and an empty store. */
static enum vault_err
make_part(struct restore *restore)
{
	struct setup *setup = &restore->setup;

	TRY(restore_place_make(&restore->place));
	snprintf(setup->config.state, sizeof setup->config.state, "%s", restore->place.part);
	TRY(setup_state(setup));
	/* Elsewhere the anchor of the store that was lost may stand, which is not ours to replace. */
	restore->anchor_elsewhere = setup->config.anchor_dir[0] != '\0';
	setup->config.anchor_dir[0] = '\0';
	return setup_store(setup);
}

/* Confinement to the directory that is restored into, and to reading the surviving audit. */
static enum vault_err
confine(struct restore *restore)
{
	struct config *config = &restore->setup.config;
	enum vault_err err;

	snprintf(config->state, sizeof config->state, "%s", restore->options.into);
	if (restore->options.audit != NULL)
		snprintf(config->directory, sizeof config->directory, "%s", restore->options.audit);
	err = setup_sandbox(&restore->setup, NULL);
	snprintf(config->state, sizeof config->state, "%s", restore->place.part);
	return err;
}

/* From here on a signal asks for an end, and what was made is removed first. */
static void
hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static enum vault_err
rebuild(struct restore *restore)
{
	struct restore_run *run = &restore->run;

	restore->load.vault = &restore->setup.vault;
	restore->opening = restore_secret_of(&restore->options.source, &restore->secret);
	restore->load.secret = &restore->opening;
	TRY(restore_load(&restore->load, &restore->backup));
	if (restore->keys.fd >= 0)
		TRY(restore_load_keys(&restore->load, &restore->keys));
	secret_free(&restore->secret);
	run->vault = &restore->setup.vault;
	run->load = &restore->load;
	TRY(restore_run_open(run));
	for (size_t i = 0; i < restore->options.erased_count; i++) {
		const struct buf *text = &restore->certificates[i];

		TRY(restore_run_erased(
			run, (struct vault_text){ (const char *)buf_data(text), buf_len(text) }));
	}
	TRY(restore_run_audit(run, restore->audit_dir, restore->options.accept_gap));
	TRY(restore_run_tenants(run));
	return restore_run_seal(run);
}

/* What was removed still stands in unused pages of the store: a copy has none. */
static enum vault_err
put_in_place(struct restore *restore)
{
	struct setup *setup = &restore->setup;
	bool copied = restore->run.tally.dropped > 0;
	char path[CONFIG_PATH_MAX + sizeof COPY_NAME + 1];

	if (copied) {
		TRY(restore_place_directory(&restore->place, COPY_NAME));
		snprintf(path, sizeof path, "%s/" COPY_NAME, restore->place.part);
		TRY(store_copy(setup->vault.store, path));
	}
	restore_run_free(&restore->run);
	store_close(setup->vault.store);
	setup->vault.store = NULL;
	return restore_place_finish(&restore->place, copied ? COPY_NAME : "store");
}

/* By whom the restored store will belong to: root is no longer there to read it. */
static enum vault_err
check_audit(const struct restore *restore)
{
	if (restore->options.audit == NULL || access(restore->options.audit, R_OK | X_OK) == 0)
		return VAULT_OK;
	log_error("%s cannot be read by uid %" PRIu32 ", whom %s belongs to",
		  restore->options.audit, (uint32_t)geteuid(), restore->options.into);
	return VAULT_INVALID_PARAMS;
}

static enum vault_err
restore_backup(struct restore *restore)
{
	struct setup *setup = &restore->setup;

	TRY(setup_memory(setup));
	TRY(open_files(restore));
	snprintf(setup->config.state, sizeof setup->config.state, "%s", restore->options.into);
	TRY(setup_become_owner(setup));
	TRY(check_audit(restore));
	TRY(restore_place_open(&restore->place, restore->options.into));
	if (restore->secret.p == NULL)
		TRY(command_secret_ask(setup->vault.arena, &restore->secret));
	if (restore->options.audit == NULL && !restore->options.accept_gap)
		return restore_run_audit_missing();
	hold_signals();
	TRY(make_part(restore));
	TRY(confine(restore));
	TRY(rebuild(restore));
	return put_in_place(restore);
}

static void
say_time(const char *what, int64_t at)
{
	char text[32] = "?";
	time_t seconds = (time_t)at;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	command_say("%s %s", what, text);
}

static void
tell(const struct restore *restore)
{
	const struct restore_run *run = &restore->run;
	char id[BACKUP_ID_TEXT], signer[RESTORE_SIGNER_TEXT];

	backup_id_text(restore->load.manifest.id, id);
	command_say("restored       %s", restore->options.into);
	command_say("backup         %s", id);
	restore_signer_text(&restore->header, signer);
	command_say("signed by      %s", signer);
	say_time("taken         ", restore->load.manifest.started);
	command_say("records        %" PRIu64 " opened, %" PRIu64 " tenant%s", run->checked.rows,
		    run->checked.tenants, command_plural(run->checked.tenants));
	command_say("done again     %" PRIu64 " change%s, %" PRIu64 " of them more strictly",
		    run->tally.replayed, command_plural(run->tally.replayed), run->tally.refused);
	if (run->tally.dropped > 0)
		command_say("dropped        %" PRIu64 " erased tenant%s", run->tally.dropped,
			    command_plural(run->tally.dropped));
	if (run->survived_ns != 0)
		say_time(run->stopped ? "audit until    a clean stop at" : "audit until   ",
			 run->survived_ns / NS_PER_S);
	if (!run->joined)
		command_say("gap            %s; %" PRIu64
			    " API key%s with uses disabled, tokens issued until now refused",
			    run->why, run->disabled, command_plural(run->disabled));
	if (run->tally.slots > 0)
		command_say(
			"SLOTS          the slot that is left was removed after the backup: give "
			"the vault another one and remove it");
	command_say("next           start vaultd on it and unseal it%s",
		    restore->anchor_elsewhere
			    ? "; anchor_dir holds another anchor: accept the rollback, once"
			    : "");
}

static void
close_all(struct restore *restore)
{
	restore_run_free(&restore->run);
	restore_load_free(&restore->load);
	secret_free(&restore->secret);
	for (size_t i = 0; i < RESTORE_ERASED_MAX; i++)
		buf_free(&restore->certificates[i]);
	restore_file_close(&restore->backup);
	restore_file_close(&restore->keys);
	if (restore->audit_dir >= 0)
		close(restore->audit_dir);
	setup_close(&restore->setup);
	restore_place_close(&restore->place);
}

static int
run(const struct command *self, int argc, char **argv)
{
	static struct restore restore = { .setup = SETUP_EMPTY,
					  .backup = { .fd = -1 },
					  .keys = { .fd = -1 },
					  .audit_dir = -1,
					  .place = { .dir = -1 } };
	int status = restore_options_parse(self, argc, argv, &restore.options);
	const char *why = NULL;
	enum vault_err err;

	if (status >= 0)
		return status;
	if (setup_config(&restore.options.from, &restore.setup.config) != VAULT_OK)
		return EXIT_USAGE_ERROR;
	log_open(restore.setup.config.log_level);
	restore.run.vault = &restore.setup.vault;
	restore.run.by_uid = (uint32_t)getuid();
	restore.run.by_gid = (uint32_t)getgid();
	err = restore_backup(&restore);
	/* Of these the log has told why. */
	if (err != VAULT_CONFLICT && err != VAULT_EXISTS && err != VAULT_INVALID_PARAMS &&
	    err != VAULT_DENIED)
		why = vault_err_message(err);
	if (err == VAULT_OK)
		tell(&restore);
	else
		log_error("nothing was restored%s%s", why == NULL ? "" : ": ",
			  why == NULL ? "" : why);
	close_all(&restore);
	if (err != VAULT_OK)
		return err == VAULT_INVALID_PARAMS ? EXIT_USAGE_ERROR : EXIT_FAILED;
	return EXIT_OK;
}

const struct command restore_command = {
	.name = "restore",
	.summary = "make a state directory of a backup",
	.usage = restore_usage,
	.run = run,
};
