#include "vaultd/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vaultd/crypto/init.h"
#include "vaultd/start.h"

#define READERS_SPARE (8 + BACKUPS_MAX) /* read transactions besides the workers' */

static bool
set_directory(char *to, const char *from)
{
	if (from == NULL)
		return true;
	return snprintf(to, CONFIG_PATH_MAX, "%s", from) < CONFIG_PATH_MAX;
}

enum vault_err
setup_config(const struct setup_options *options, struct config *config)
{
	const char *file = options->config != NULL ? options->config : CONFIG_DEFAULT_FILE;

	config_defaults(config);
	TRY(config_read(config, file, options->config == NULL));
	if (!set_directory(config->state, options->state) ||
	    !set_directory(config->runtime, options->runtime))
		return VAULT_INVALID_PARAMS;
	return VAULT_OK;
}

enum vault_err
setup_memory(struct setup *setup)
{
	enum vault_err err = crypto_init();

	if (err == VAULT_OK)
		err = arena_open(setup->config.arena_size, setup->config.require_memory_lock,
				 &setup->vault.arena);
	if (err != VAULT_OK) {
		log_error("%llu MiB of locked memory cannot be had; raise LimitMEMLOCK or lower "
			  "arena_size",
			  (unsigned long long)(setup->config.arena_size >> 20));
		return err;
	}
	if (arena_lock(setup->vault.arena) == ARENA_UNLOCKED)
		log_warning("KEYS MAY BE SWAPPED TO DISK: memory is not locked, and "
			    "require_memory_lock is off");
	return VAULT_OK;
}

enum vault_err
setup_become_owner(const struct setup *setup)
{
	struct stat st;

	if (geteuid() != 0 || stat(setup->config.state, &st) != 0 || st.st_uid == 0)
		return VAULT_OK;
	if (setgroups(0, NULL) != 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) != 0 ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) != 0) {
		log_error("cannot become uid %" PRIu32 ", whom %s belongs to: %s",
			  (uint32_t)st.st_uid, setup->config.state, strerror(errno));
		return VAULT_INTERNAL;
	}
	/* With another user the kernel sets back whether the process may be looked into. */
	return sandbox_harden();
}

enum vault_err
setup_state(struct setup *setup)
{
	TRY(start_directory_ours(setup->config.state));
	setup->state_dir = open(setup->config.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (setup->state_dir < 0) {
		log_error("the state directory cannot be opened: %s", strerror(errno));
		return VAULT_INTERNAL;
	}
	setup->lock = openat(setup->state_dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (setup->lock < 0) {
		log_error("%s/lock: %s", setup->config.state, strerror(errno));
		return VAULT_INTERNAL;
	}
	if (flock(setup->lock, LOCK_EX | LOCK_NB) != 0) {
		log_error("another vaultd uses the state directory");
		return VAULT_BUSY;
	}
	return VAULT_OK;
}

/*
 * The directory may be somebody else's who lets our group write: the daemon then cannot make it
 * anybody's but his.
 */
static enum vault_err
anchor_directory(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		log_error("there is no directory %s (anchor_dir)", path);
		return VAULT_NOT_FOUND;
	}
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & S_IWOTH) != 0 ||
	    ((st.st_mode & S_IWGRP) != 0 && st.st_gid != getegid())) {
		log_error("%s (anchor_dir) belongs to someone else, or others may write to it",
			  path);
		return VAULT_DENIED;
	}
	if (access(path, R_OK | W_OK | X_OK) != 0) {
		log_error("%s (anchor_dir) cannot be written: %s", path, strerror(errno));
		return VAULT_DENIED;
	}
	return VAULT_OK;
}

static enum vault_err
setup_anchor(struct setup *setup)
{
	const char *given = setup->config.anchor_dir;

	if (given[0] == '\0') {
		snprintf(setup->anchor_path, sizeof setup->anchor_path, "%s/anchor",
			 setup->config.state);
		TRY(start_directory(setup->anchor_path, 0700));
	} else {
		snprintf(setup->anchor_path, sizeof setup->anchor_path, "%s", given);
		TRY(anchor_directory(given));
	}
	setup->anchor_dir = open(setup->anchor_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (setup->anchor_dir < 0) {
		log_error("%s: %s", setup->anchor_path, strerror(errno));
		return VAULT_INTERNAL;
	}
	anchor_init(&setup->vault.anchor, setup->anchor_dir);
	return VAULT_OK;
}

enum vault_err
setup_store(struct setup *setup)
{
	struct vault *vault = &setup->vault;
	char path[CONFIG_PATH_MAX + 8];
	struct store_config store = { path, setup->config.map_size,
				      start_workers_wanted(&setup->config).all + READERS_SPARE };
	struct audit_config audit = { path, vault->arena, setup->config.audit_segment_size };
	struct clock_now now = clock_read();
	enum vault_err err;

	snprintf(path, sizeof path, "%s/store", setup->config.state);
	TRY(start_directory(path, 0700));
	err = store_open(&store, &vault->store);
	if (err != VAULT_OK) {
		log_error("the store cannot be opened: %s", vault_err_message(err));
		return err;
	}
	TRY(setup_anchor(setup));
	snprintf(path, sizeof path, "%s/audit", setup->config.state);
	TRY(audit_new(&audit, &vault->audit));
	tenants_init(&vault->tenants);
	lockouts_init(&vault->lockouts);
	sealed_log_init(&vault->sealed_log);
	policy_source_init(&vault->policy);
	events_init(&vault->events);
	alerts_init(&vault->alerts);
	metrics_init(&vault->metrics);
	clock_boot_id(vault->settings.boot_id);
	unseal_guard_load(&vault->guard, setup->state_dir, vault->settings.boot_id, &now);
	atomic_store(&vault->due_next, INT64_MAX);
	err = vault_probe(vault);
	if (err == VAULT_UNSUPPORTED)
		log_error("the store is of a newer format; run the build that wrote it");
	return err;
}

enum vault_err
setup_sandbox(struct setup *setup, const char *runtime)
{
	const struct config *config = &setup->config;
	struct sandbox_level level;
	struct sandbox_config sandbox = {
		.paths = { .read = { config->directory[0] != '\0' ? config->directory : NULL },
			   .write = { config->state, setup->anchor_path, runtime } },
		.landlock = config->sandbox_landlock,
		.seccomp = config->sandbox_seccomp,
	};

	TRY(sandbox_enter(&sandbox, &level));
	setup->vault.settings.sandbox = sandbox_level_text(&level, setup->sandbox_text);
	if (level.landlock == 0 || !level.seccomp)
		log_warning("the sandbox is not whole: %s", setup->vault.settings.sandbox);
	return VAULT_OK;
}

void
setup_close(struct setup *setup)
{
	audit_free(setup->vault.audit);
	anchor_free(&setup->vault.anchor);
	store_close(setup->vault.store);
	tenants_free(&setup->vault.tenants);
	lockouts_free(&setup->vault.lockouts);
	sealed_log_free(&setup->vault.sealed_log);
	events_free(&setup->vault.events);
	alerts_free(&setup->vault.alerts);
	unseal_shares_forget(&setup->vault.shares);
	arena_close(setup->vault.arena);
	if (setup->lock >= 0)
		close(setup->lock);
	if (setup->anchor_dir >= 0)
		close(setup->anchor_dir);
	if (setup->state_dir >= 0)
		close(setup->state_dir);
}
