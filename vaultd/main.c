/*
 * vaultd: start-up as an ordered list, shut-down in the reverse order.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vaultd/base/notify.h"
#include "vaultd/config.h"
#include "vaultd/crypto/init.h"
#include "vaultd/net/server.h"
#include "vaultd/sandbox/sandbox.h"
#include "vaultd/start.h"

#define EXIT_OK 0
#define EXIT_USAGE_ERROR 1
#define EXIT_FAILED 2

#define READERS_SPARE 8 /* read transactions besides the workers' */

/* What the command line said. */
struct options {
	const char *config, *state, *runtime;
	bool check_config;
};

/* Everything that start-up makes, in its order. */
struct daemon {
	struct options options;
	struct config config;
	struct notify notify;
	struct listener app, admin;
	struct start_key key; /* to unseal with at start */
	struct sandbox_level level;
	char sandbox_text[SANDBOX_TEXT_MAX];
	int state_dir, lock;
	struct vault vault;
	struct lanes lanes;
};

static void
usage(FILE *out)
{
	fputs("usage: vaultd [--config FILE] [--state DIR] [--runtime DIR] [--check-config] "
	      "[--version]\n"
	      "\n"
	      "Keeps the keys of many tenants and signs for other processes over a Unix socket. "
	      "Stays in the foreground\n"
	      "and logs to stderr. Everything else is in " CONFIG_DEFAULT_FILE
	      " (vaultd.conf(5)).\n"
	      "\n"
	      "  --config FILE    read FILE instead of " CONFIG_DEFAULT_FILE "\n"
	      "  --state DIR      the store and the audit (default /var/lib/vaultd)\n"
	      "  --runtime DIR    the sockets (default /run/vaultd)\n"
	      "  --check-config   say whether the configuration is good, and end\n"
	      "  --version        tell the version, and end\n",
	      out);
}

/* -1: go on; else the exit status. */
static int
parse_options(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "runtime", required_argument, NULL, 'r' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+h", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 's':
			options->state = optarg;
			break;
		case 'r':
			options->runtime = optarg;
			break;
		case 'k':
			options->check_config = true;
			break;
		case 'v':
			puts("vaultd " VAULT_VERSION);
			return EXIT_OK;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE_ERROR;
		}
	}
	if (optind == argc)
		return -1;
	usage(stderr);
	return EXIT_USAGE_ERROR;
}

static bool
set_directory(char *to, const char *from)
{
	if (from == NULL)
		return true;
	return snprintf(to, CONFIG_PATH_MAX, "%s", from) < CONFIG_PATH_MAX;
}

static enum vault_err
read_config(const struct options *options, struct config *config)
{
	const char *file = options->config != NULL ? options->config : CONFIG_DEFAULT_FILE;

	config_defaults(config);
	TRY(config_read(config, file, options->config == NULL));
	if (!set_directory(config->state, options->state) ||
	    !set_directory(config->runtime, options->runtime))
		return VAULT_INVALID_PARAMS;
	return VAULT_OK;
}

static enum vault_err
open_memory(struct daemon *daemon)
{
	enum vault_err err = crypto_init();

	if (err == VAULT_OK)
		err = arena_open(daemon->config.arena_size, daemon->config.require_memory_lock,
				 &daemon->vault.arena);
	if (err != VAULT_OK) {
		log_error("%llu MiB of locked memory cannot be had; raise LimitMEMLOCK or lower "
			  "arena_size",
			  (unsigned long long)(daemon->config.arena_size >> 20));
		return err;
	}
	if (arena_lock(daemon->vault.arena) == ARENA_UNLOCKED)
		log_warning("KEYS MAY BE SWAPPED TO DISK: memory is not locked, and "
			    "require_memory_lock is off");
	return VAULT_OK;
}

static enum vault_err
open_state(struct daemon *daemon)
{
	TRY(start_directory(daemon->config.state, 0700));
	TRY(start_directory(daemon->config.runtime, 0755));
	daemon->state_dir = open(daemon->config.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (daemon->state_dir < 0) {
		log_error("the state directory cannot be opened: %s", strerror(errno));
		return VAULT_INTERNAL;
	}
	daemon->lock = openat(daemon->state_dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (daemon->lock < 0 || flock(daemon->lock, LOCK_EX | LOCK_NB) != 0) {
		log_error("another vaultd uses the state directory");
		return VAULT_BUSY;
	}
	return VAULT_OK;
}

static enum vault_err
open_store(struct daemon *daemon)
{
	struct vault *vault = &daemon->vault;
	char path[CONFIG_PATH_MAX + 8];
	struct store_config store = { path, daemon->config.map_size,
				      start_workers_wanted(&daemon->config) + READERS_SPARE };
	struct audit_config audit = { path, vault->arena, daemon->config.audit_segment_size };
	struct clock_now now = clock_read();
	enum vault_err err;

	snprintf(path, sizeof path, "%s/store", daemon->config.state);
	TRY(start_directory(path, 0700));
	err = store_open(&store, &vault->store);
	if (err != VAULT_OK) {
		log_error("the store cannot be opened: %s", vault_err_message(err));
		return err;
	}
	snprintf(path, sizeof path, "%s/audit", daemon->config.state);
	TRY(audit_new(&audit, &vault->audit));
	tenants_init(&vault->tenants);
	lockouts_init(&vault->lockouts);
	sealed_log_init(&vault->sealed_log);
	clock_boot_id(vault->settings.boot_id);
	unseal_guard_load(&vault->guard, daemon->state_dir, vault->settings.boot_id, &now);
	err = vault_probe(vault);
	if (err == VAULT_UNSUPPORTED)
		log_error("the store is of a newer format; run the build that wrote it");
	return err;
}

static enum vault_err
open_sockets(struct daemon *daemon)
{
	const struct config *config = &daemon->config;
	struct listener_config app = { .directory = config->runtime, .name = "vaultd.sock" };
	struct listener_config admin = { .directory = config->runtime,
					 .name = "admin.sock",
					 .admin = true };
	struct listen_fds given;

	TRY(notify_listen_fds(&given));
	TRY(start_group(config->app_group, &app.group_set, &app.group));
	TRY(start_group(config->admin_group, &admin.group_set, &admin.group));
	TRY(start_listener(&app, given.app, &daemon->app));
	return start_listener(&admin, given.admin, &daemon->admin);
}

static enum vault_err
enter_sandbox(struct daemon *daemon)
{
	const struct config *config = &daemon->config;
	struct sandbox_config sandbox = {
		.paths = { .read = { config->directory[0] != '\0' ? config->directory : NULL },
			   .write = { config->state, config->runtime } },
		.landlock = config->sandbox_landlock,
		.seccomp = config->sandbox_seccomp,
	};

	TRY(sandbox_enter(&sandbox, &daemon->level));
	daemon->vault.settings.sandbox = sandbox_level_text(&daemon->level, daemon->sandbox_text);
	if (daemon->level.landlock == 0 || !daemon->level.seccomp)
		log_warning("the sandbox is not whole: %s", daemon->vault.settings.sandbox);
	return VAULT_OK;
}

static void
fill_settings(struct daemon *daemon)
{
	static const char *const locks[] = { [ARENA_UNLOCKED] = "unlocked",
					     [ARENA_LOCKED] = "locked",
					     [ARENA_MEMFD_SECRET] = "memfd_secret" };
	struct vault_settings *settings = &daemon->vault.settings;

	settings->version = VAULT_VERSION;
	settings->memory_lock = locks[arena_lock(daemon->vault.arena)];
	settings->slot_cost =
		(struct slot_cost){ daemon->config.argon2_memory, daemon->config.argon2_passes };
	settings->owner_uid = (uint32_t)geteuid();
	settings->started_boot_ms = clock_read().boot_ms;
	settings->plans = daemon->config.plans;
	settings->plan_count = daemon->config.plan_count;
	settings->spin_us = daemon->config.spin_us;
	settings->audit_sync_always = daemon->config.audit_sync_always;
}

static void
on_ready(void *arg)
{
	struct daemon *daemon = arg;

	start_unseal(&daemon->lanes, &daemon->key);
	log_info("vaultd %s serves on %s", VAULT_VERSION, daemon->config.runtime);
	notify_ready(&daemon->notify);
}

/* What can change without a restart is how much is logged. */
static void
on_reload(void *arg)
{
	struct daemon *daemon = arg;
	struct config config;

	notify_reloading(&daemon->notify);
	if (read_config(&daemon->options, &config) == VAULT_OK) {
		log_open(config.log_level);
		log_info("configuration read again");
	} else {
		log_warning("the configuration has errors; the old one stays");
	}
	notify_ready(&daemon->notify);
}

static void
on_beat(void *arg)
{
	struct daemon *daemon = arg;

	notify_watchdog(&daemon->notify);
}

static enum vault_err
serve(struct daemon *daemon)
{
	unsigned workers = start_workers_wanted(&daemon->config);
	size_t share = daemon->config.arena_size / 4 * 3 / (workers + 3);
	struct server_config server = {
		.vault = &daemon->vault,
		.lanes = &daemon->lanes,
		.app = &daemon->app,
		.admin = &daemon->admin,
		.workers = workers,
		.max_connections = daemon->config.max_connections,
		.max_connections_per_uid = start_connections_per_uid(&daemon->config),
		.uid_rate = daemon->config.uid_rate,
		.cache_limit = share,
		.reload = on_reload,
		.ready = on_ready,
		.beat = on_beat,
		.arg = daemon,
	};
	enum vault_err err = lanes_start(&daemon->lanes, &daemon->vault, share);

	if (err == VAULT_OK)
		err = server_run(&server);
	notify_stopping(&daemon->notify);
	lanes_stop(&daemon->lanes);
	server_close_vault(&daemon->vault);
	return err;
}

static void
close_all(struct daemon *daemon)
{
	listener_close(&daemon->app);
	listener_close(&daemon->admin);
	start_key_free(&daemon->key);
	audit_free(daemon->vault.audit);
	store_close(daemon->vault.store);
	tenants_free(&daemon->vault.tenants);
	lockouts_free(&daemon->vault.lockouts);
	sealed_log_free(&daemon->vault.sealed_log);
	arena_close(daemon->vault.arena);
	notify_close(&daemon->notify);
	if (daemon->lock >= 0)
		close(daemon->lock);
	if (daemon->state_dir >= 0)
		close(daemon->state_dir);
}

/*
 * The order matters: what needs files of the system comes before the sandbox, the sandbox before
 * the first thread.
 */
static enum vault_err
start(struct daemon *daemon)
{
	TRY(notify_open(&daemon->notify));
	TRY(open_memory(daemon));
	TRY(start_key_read(daemon->config.unseal_keyfile, daemon->vault.arena, &daemon->key));
	TRY(open_state(daemon));
	TRY(open_store(daemon));
	TRY(open_sockets(daemon));
	fill_settings(daemon);
	daemon->config.max_connections = start_connections(daemon->config.max_connections);
	TRY(enter_sandbox(daemon));
	return serve(daemon);
}

int
main(int argc, char **argv)
{
	static struct daemon daemon = { .notify = { .fd = -1 },
					.app = { .fd = -1 },
					.admin = { .fd = -1 },
					.state_dir = -1,
					.lock = -1 };
	int status = parse_options(argc, argv, &daemon.options);
	enum vault_err err;

	if (status >= 0)
		return status;
	log_open(LOG_LEVEL_INFO);
	if (sandbox_harden() != VAULT_OK ||
	    read_config(&daemon.options, &daemon.config) != VAULT_OK)
		return EXIT_USAGE_ERROR;
	if (daemon.options.check_config) {
		gid_t group;
		bool set;

		if (start_group(daemon.config.app_group, &set, &group) != VAULT_OK ||
		    start_group(daemon.config.admin_group, &set, &group) != VAULT_OK)
			return EXIT_USAGE_ERROR;
		puts("the configuration is good");
		return EXIT_OK;
	}
	log_open(daemon.config.log_level);
	signal(SIGPIPE, SIG_IGN);
	err = start(&daemon);
	close_all(&daemon);
	if (err == VAULT_OK)
		return EXIT_OK;
	log_error("vaultd ends: %s", vault_err_message(err));
	return err == VAULT_INVALID_PARAMS ? EXIT_USAGE_ERROR : EXIT_FAILED;
}
