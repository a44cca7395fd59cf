#include "vaultd/config.h"

#include <confuse.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"

#define MIB (INT64_C(1) << 20)
#define MAP_MIN (64 * MIB)
#define MAP_DEFAULT (MIB << 20) /* 1 TiB of address space, not of memory */
#define ARENA_MIN MIB
#define ARENA_MAX (1024 * MIB)
#define ARENA_DEFAULT (4 * MIB)
#define ARGON2_MEMORY_DEFAULT (64 * MIB)
#define ARGON2_MEMORY_MAX (1024 * MIB)
#define ARGON2_PASSES_DEFAULT 3
#define ARGON2_PASSES_MAX 16
#define SEGMENT_MIN (MIB / 16)
#define SEGMENT_DEFAULT (16 * MIB)
#define SEGMENT_MAX (1024 * MIB)
#define CONNECTIONS_DEFAULT 4096
#define CONNECTIONS_LIMIT 65536
#define SPIN_LIMIT 1000
#define SPIN_DEFAULT 20 /* see docs/PERFORMANCE.md for what it gains */

/* A number with its bounds; sizes in bytes. */
struct number {
	const char *name;
	int64_t min, max;
};

static const struct number numbers[] = {
	{ "workers", 0, CONFIG_WORKERS_MAX },
	{ "max_connections", 1, CONNECTIONS_LIMIT },
	{ "max_connections_per_uid", 0, CONNECTIONS_LIMIT },
	{ "uid_rate", 0, LIMIT_RATE_MAX },
	{ "uid_burst", 0, LIMIT_RATE_MAX },
	{ "spin_us", 0, SPIN_LIMIT },
	{ "map_size", MAP_MIN, INT64_MAX },
	{ "arena_size", ARENA_MIN, ARENA_MAX },
	{ "audit_segment_size", SEGMENT_MIN, SEGMENT_MAX },
	{ "argon2_memory", ARGON2_MEMORY_DEFAULT, ARGON2_MEMORY_MAX },
	{ "argon2_passes", ARGON2_PASSES_DEFAULT, ARGON2_PASSES_MAX },
};

static const enum log_level level_values[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
					       LOG_LEVEL_DEBUG };

/* A plan's options by class, in the order of limit_defaults. */
static const struct {
	const char *rate, *burst;
} plan_options[LIMIT_CLASSES] = {
	{ "hot_rate", "hot_burst" },
	{ "read_rate", "read_burst" },
	{ "write_rate", "write_burst" },
	{ "admin_rate", "admin_burst" },
};
#define NOT_GIVEN (-1)

void
config_defaults(struct config *config)
{
	*config = (struct config){
		.state = "/var/lib/vaultd",
		.runtime = "/run/vaultd",
		.max_connections = CONNECTIONS_DEFAULT,
		.spin_us = SPIN_DEFAULT,
		.map_size = MAP_DEFAULT,
		.arena_size = ARENA_DEFAULT,
		.require_memory_lock = true,
		.sandbox_landlock = true,
		.sandbox_seccomp = true,
		.audit_segment_size = SEGMENT_DEFAULT,
		.argon2_memory = ARGON2_MEMORY_DEFAULT,
		.argon2_passes = ARGON2_PASSES_DEFAULT,
		.log_level = LOG_LEVEL_INFO,
	};
}

static enum vault_err
complain(const char *file, const char *name, const char *what)
{
	fprintf(stderr, "vaultd: %s: %s: %s\n", file, name, what);
	return VAULT_INVALID_PARAMS;
}

static enum vault_err
check_numbers(cfg_t *cfg, const char *file)
{
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		int64_t v = cfg_getint(cfg, numbers[i].name);

		if (v < numbers[i].min || v > numbers[i].max) {
			fprintf(stderr, "vaultd: %s: %s: must be %lld to %lld\n", file,
				numbers[i].name, (long long)numbers[i].min,
				(long long)numbers[i].max);
			return VAULT_INVALID_PARAMS;
		}
	}
	return VAULT_OK;
}

static enum vault_err
copy_text(cfg_t *cfg, const char *file, const char *name, char *to, size_t size)
{
	const char *value = cfg_getstr(cfg, name);

	if (value == NULL)
		return VAULT_OK;
	if (strlen(value) >= size)
		return complain(file, name, "too long");
	memcpy(to, value, strlen(value) + 1);
	return VAULT_OK;
}

/* "on" or "off" and nothing else, so that a typing error never switches protection off. */
static enum vault_err
read_choice(cfg_t *cfg, const char *file, const char *name, const char *const *choices, int *chosen)
{
	const char *value = cfg_getstr(cfg, name);

	for (int i = 0; choices[i] != NULL; i++) {
		if (strcmp(value, choices[i]) == 0) {
			*chosen = i;
			return VAULT_OK;
		}
	}
	return complain(file, name, "not one of the values that vaultd.conf(5) lists");
}

static enum vault_err
take_choices(cfg_t *cfg, const char *file, struct config *config)
{
	static const char *const sandbox[] = { "on", "landlock", "seccomp", "off", NULL };
	static const char *const sync[] = { "interval", "always", NULL };
	static const char *const log[] = { "error", "warning", "info", "debug", NULL };
	int chosen = 0;

	TRY(read_choice(cfg, file, "sandbox", sandbox, &chosen));
	config->sandbox_landlock = chosen == 0 || chosen == 1;
	config->sandbox_seccomp = chosen == 0 || chosen == 2;
	TRY(read_choice(cfg, file, "audit_sync", sync, &chosen));
	config->audit_sync_always = chosen == 1;
	TRY(read_choice(cfg, file, "log_level", log, &chosen));
	config->log_level = level_values[chosen];
	return VAULT_OK;
}

/* A class's two options of a plan; what stands in no line of it keeps the default. */
static enum vault_err
take_rate(cfg_t *plan, const char *file, unsigned class, struct limit_plan *out)
{
	int64_t rate = cfg_getint(plan, plan_options[class].rate);
	int64_t burst = cfg_getint(plan, plan_options[class].burst);

	if (rate == NOT_GIVEN && burst != NOT_GIVEN)
		return complain(file, plan_options[class].burst, "a burst without a rate");
	if (rate < NOT_GIVEN || rate > LIMIT_RATE_MAX || burst < NOT_GIVEN ||
	    burst > LIMIT_RATE_MAX)
		return complain(file, plan_options[class].rate, "out of range");
	out->given[class] = rate != NOT_GIVEN;
	if (out->given[class])
		out->rates[class] = (struct limit_rate){ (uint32_t)rate,
							 burst == NOT_GIVEN ? 0 : (uint32_t)burst };
	return VAULT_OK;
}

static enum vault_err
take_plans(cfg_t *cfg, const char *file, struct config *config)
{
	unsigned n = cfg_size(cfg, "plan");

	if (n > CONFIG_PLANS_MAX)
		return complain(file, "plan", "too many plans");
	for (unsigned i = 0; i < n; i++) {
		struct limit_plan *plan = &config->plans[i];
		cfg_t *section = cfg_getnsec(cfg, "plan", i);
		const char *name = cfg_title(section);

		*plan = (struct limit_plan){ 0 };
		if (strlen(name) == 0 || strlen(name) >= sizeof plan->name)
			return complain(file, "plan", "a plan's name has 1 to 64 characters");
		memcpy(plan->name, name, strlen(name) + 1);
		for (unsigned class = 0; class < LIMIT_CLASSES; class ++)
			TRY(take_rate(section, file, class, plan));
	}
	config->plan_count = n;
	return VAULT_OK;
}

static enum vault_err
take_recipients(cfg_t *cfg, const char *file, struct config *config)
{
	unsigned n = cfg_size(cfg, "backup_recipients");

	if (n > CONFIG_RECIPIENTS_MAX)
		return complain(file, "backup_recipients", "too many");
	for (unsigned i = 0; i < n; i++) {
		struct recipient *recipient = &config->backup_recipients[i];

		if (!recipient_parse(text_of(cfg_getnstr(cfg, "backup_recipients", i)), recipient))
			return complain(file, "backup_recipients",
					"each is NAME=KEY as vaultctl backup identity prints it");
		for (unsigned j = 0; j < i; j++)
			if (strcmp(config->backup_recipients[j].name, recipient->name) == 0)
				return complain(file, "backup_recipients", "a name stands twice");
	}
	config->backup_recipient_count = n;
	config->backup_passphrase = cfg_getbool(cfg, "backup_passphrase");
	return VAULT_OK;
}

static enum vault_err
take_values(cfg_t *cfg, const char *file, struct config *config)
{
	TRY(check_numbers(cfg, file));
	TRY(copy_text(cfg, file, "state", config->state, sizeof config->state));
	TRY(copy_text(cfg, file, "runtime", config->runtime, sizeof config->runtime));
	TRY(copy_text(cfg, file, "anchor_dir", config->anchor_dir, sizeof config->anchor_dir));
	TRY(copy_text(cfg, file, "app_group", config->app_group, sizeof config->app_group));
	TRY(copy_text(cfg, file, "admin_group", config->admin_group, sizeof config->admin_group));
	TRY(copy_text(cfg, file, "unseal_keyfile", config->unseal_keyfile,
		      sizeof config->unseal_keyfile));
	config->workers = (unsigned)cfg_getint(cfg, "workers");
	config->max_connections = (unsigned)cfg_getint(cfg, "max_connections");
	config->max_connections_per_uid = (unsigned)cfg_getint(cfg, "max_connections_per_uid");
	config->uid_rate = (struct limit_rate){ (uint32_t)cfg_getint(cfg, "uid_rate"),
						(uint32_t)cfg_getint(cfg, "uid_burst") };
	config->spin_us = (unsigned)cfg_getint(cfg, "spin_us");
	config->map_size = (uint64_t)cfg_getint(cfg, "map_size");
	config->arena_size = (uint64_t)cfg_getint(cfg, "arena_size");
	config->audit_segment_size = (uint64_t)cfg_getint(cfg, "audit_segment_size");
	config->argon2_memory = (uint64_t)cfg_getint(cfg, "argon2_memory");
	config->argon2_passes = (uint64_t)cfg_getint(cfg, "argon2_passes");
	config->require_memory_lock = cfg_getbool(cfg, "require_memory_lock");
	TRY(take_plans(cfg, file, config));
	TRY(take_recipients(cfg, file, config));
	return take_choices(cfg, file, config);
}

static enum vault_err
parse(const char *file, struct config *config)
{
	cfg_opt_t plan[] = {
		CFG_INT("hot_rate", NOT_GIVEN, CFGF_NONE),
		CFG_INT("hot_burst", NOT_GIVEN, CFGF_NONE),
		CFG_INT("read_rate", NOT_GIVEN, CFGF_NONE),
		CFG_INT("read_burst", NOT_GIVEN, CFGF_NONE),
		CFG_INT("write_rate", NOT_GIVEN, CFGF_NONE),
		CFG_INT("write_burst", NOT_GIVEN, CFGF_NONE),
		CFG_INT("admin_rate", NOT_GIVEN, CFGF_NONE),
		CFG_INT("admin_burst", NOT_GIVEN, CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t options[] = {
		CFG_STR("state", NULL, CFGF_NONE),
		CFG_STR("runtime", NULL, CFGF_NONE),
		CFG_STR("anchor_dir", NULL, CFGF_NONE),
		CFG_STR("app_group", NULL, CFGF_NONE),
		CFG_STR("admin_group", NULL, CFGF_NONE),
		CFG_STR("unseal_keyfile", NULL, CFGF_NONE),
		CFG_INT("workers", 0, CFGF_NONE),
		CFG_INT("max_connections", CONNECTIONS_DEFAULT, CFGF_NONE),
		CFG_INT("max_connections_per_uid", 0, CFGF_NONE),
		CFG_INT("uid_rate", 0, CFGF_NONE),
		CFG_INT("uid_burst", 0, CFGF_NONE),
		CFG_SEC("plan", plan, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_INT("spin_us", SPIN_DEFAULT, CFGF_NONE),
		CFG_INT("map_size", MAP_DEFAULT, CFGF_NONE),
		CFG_INT("arena_size", ARENA_DEFAULT, CFGF_NONE),
		CFG_INT("audit_segment_size", SEGMENT_DEFAULT, CFGF_NONE),
		CFG_INT("argon2_memory", ARGON2_MEMORY_DEFAULT, CFGF_NONE),
		CFG_INT("argon2_passes", ARGON2_PASSES_DEFAULT, CFGF_NONE),
		CFG_BOOL("require_memory_lock", cfg_true, CFGF_NONE),
		CFG_STR("sandbox", "on", CFGF_NONE),
		CFG_STR("audit_sync", "interval", CFGF_NONE),
		CFG_STR("log_level", "info", CFGF_NONE),
		CFG_STR_LIST("backup_recipients", NULL, CFGF_NONE),
		CFG_BOOL("backup_passphrase", cfg_false, CFGF_NONE),
		CFG_END(),
	};
	cfg_t *cfg = cfg_init(options, CFGF_NONE);
	enum vault_err err = VAULT_INVALID_PARAMS;

	if (cfg == NULL)
		return VAULT_BUSY;
	/* libconfuse tells file, line and option on stderr itself. */
	if (cfg_parse(cfg, file) == CFG_SUCCESS)
		err = take_values(cfg, file, config);
	cfg_free(cfg);
	return err;
}

enum vault_err
config_read(struct config *config, const char *file, bool may_be_absent)
{
	char copy[CONFIG_PATH_MAX];

	if (strlen(file) >= sizeof copy)
		return complain(file, "path", "too long");
	if (access(file, R_OK) != 0) {
		if (errno == ENOENT && may_be_absent)
			return VAULT_OK;
		return complain(file, "cannot be read", strerror(errno));
	}
	snprintf(config->file, sizeof config->file, "%s", file);
	snprintf(copy, sizeof copy, "%s", file);
	snprintf(config->directory, sizeof config->directory, "%s", dirname(copy));
	return parse(file, config);
}
