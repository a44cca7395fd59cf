#include "vaultd/serve.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "vaultd/base/notify.h"
#include "vaultd/command.h"
#include "vaultd/net/server.h"
#include "vaultd/start.h"

/* Everything that start-up makes, in its order. */
struct daemon {
	struct serve_options options;
	struct setup setup;
	struct notify notify;
	struct listener app, admin;
	struct start_key key; /* to unseal with at start */
	struct lanes lanes;
};

static enum vault_err
open_sockets(struct daemon *daemon)
{
	const struct config *config = &daemon->setup.config;
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

static void
fill_settings(struct daemon *daemon)
{
	static const char *const locks[] = { [ARENA_UNLOCKED] = "unlocked",
					     [ARENA_LOCKED] = "locked",
					     [ARENA_MEMFD_SECRET] = "memfd_secret" };
	struct vault_settings *settings = &daemon->setup.vault.settings;

	settings->version = VAULT_VERSION;
	settings->memory_lock = locks[arena_lock(daemon->setup.vault.arena)];
	settings->slot_cost = (struct slot_cost){ daemon->setup.config.argon2_memory,
						  daemon->setup.config.argon2_passes };
	settings->owner_uid = (uint32_t)geteuid();
	settings->started_boot_ms = clock_read().boot_ms;
	settings->plans = daemon->setup.config.plans;
	settings->plan_count = daemon->setup.config.plan_count;
	settings->spin_us = daemon->setup.config.spin_us;
	settings->recipients = daemon->setup.config.backup_recipients;
	settings->recipient_count = daemon->setup.config.backup_recipient_count;
	settings->backup_passphrase = daemon->setup.config.backup_passphrase;
	settings->audit_sync_always = daemon->setup.config.audit_sync_always;
}

static void
on_ready(void *arg)
{
	struct daemon *daemon = arg;

	start_unseal(&daemon->lanes, &daemon->key);
	log_info("vaultd %s serves on %s", VAULT_VERSION, daemon->setup.config.runtime);
	notify_ready(&daemon->notify);
}

/* What can change without a restart is how much is logged. */
static void
on_reload(void *arg)
{
	struct daemon *daemon = arg;
	struct config config;

	notify_reloading(&daemon->notify);
	if (setup_config(&daemon->options.from, &config) == VAULT_OK) {
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

_Static_assert(CONFIG_WORKERS_MAX <= WORKERS_MAX, "the server has room for the workers");

static enum vault_err
serve(struct daemon *daemon)
{
	struct start_workers workers = start_workers_wanted(&daemon->setup.config);
	size_t share = daemon->setup.config.arena_size / 4 * 3 / (workers.all + 3);
	struct server_config server = {
		.vault = &daemon->setup.vault,
		.lanes = &daemon->lanes,
		.app = &daemon->app,
		.admin = &daemon->admin,
		.workers = workers.all,
		.regular = workers.regular,
		.max_connections = daemon->setup.config.max_connections,
		.max_connections_per_uid = start_connections_per_uid(&daemon->setup.config),
		.uid_rate = daemon->setup.config.uid_rate,
		.cache_limit = share,
		.reload = on_reload,
		.ready = on_ready,
		.beat = on_beat,
		.arg = daemon,
	};
	enum vault_err err = lanes_start(&daemon->lanes, &daemon->setup.vault, share);

	if (err == VAULT_OK)
		err = server_run(&server);
	notify_stopping(&daemon->notify);
	lanes_stop(&daemon->lanes);
	server_close_vault(&daemon->setup.vault);
	return err;
}

static void
close_all(struct daemon *daemon)
{
	listener_close(&daemon->app);
	listener_close(&daemon->admin);
	start_key_free(&daemon->key);
	setup_close(&daemon->setup);
	notify_close(&daemon->notify);
}

/*
 * The order matters: what needs files of the system comes before the sandbox, the sandbox before
 * the first thread.
 */
static enum vault_err
start(struct daemon *daemon)
{
	struct setup *setup = &daemon->setup;
	struct config *config = &setup->config;

	TRY(notify_open(&daemon->notify));
	TRY(setup_memory(setup));
	TRY(start_key_read(config->unseal_keyfile, setup->vault.arena, &daemon->key));
	TRY(start_directory(config->state, 0700));
	TRY(start_directory(config->runtime, 0755));
	TRY(setup_state(setup));
	TRY(setup_store(setup));
	TRY(open_sockets(daemon));
	fill_settings(daemon);
	config->max_connections = start_connections(config->max_connections);
	TRY(setup_sandbox(setup, config->runtime));
	return serve(daemon);
}

static int
check_config(const struct config *config)
{
	gid_t group;
	bool set;

	if (start_group(config->app_group, &set, &group) != VAULT_OK ||
	    start_group(config->admin_group, &set, &group) != VAULT_OK)
		return EXIT_USAGE_ERROR;
	puts("the configuration is good");
	return EXIT_OK;
}

int
serve_run(const struct serve_options *options)
{
	static struct daemon daemon = { .setup = SETUP_EMPTY,
					.notify = { .fd = -1 },
					.app = { .fd = -1 },
					.admin = { .fd = -1 } };
	enum vault_err err;

	daemon.options = *options;
	if (setup_config(&options->from, &daemon.setup.config) != VAULT_OK)
		return EXIT_USAGE_ERROR;
	if (options->check_config)
		return check_config(&daemon.setup.config);
	log_open(daemon.setup.config.log_level);
	err = start(&daemon);
	close_all(&daemon);
	if (err == VAULT_OK)
		return EXIT_OK;
	log_error("vaultd ends: %s", vault_err_message(err));
	return err == VAULT_INVALID_PARAMS ? EXIT_USAGE_ERROR : EXIT_FAILED;
}
