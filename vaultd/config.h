/*
 * The daemon's configuration: a file of "key = value" lines, the command line over it, defaults
 * below both.
 */
#ifndef VAULTD_CONFIG_H
#define VAULTD_CONFIG_H

#include "protocol/error.h"
#include "vaultd/base/limit.h"
#include "vaultd/base/log.h"
#include "vaultd/base/recipient.h"

#define CONFIG_DEFAULT_FILE "/etc/vaultd/vaultd.conf"
#define CONFIG_PATH_MAX 4096
#define CONFIG_PLANS_MAX 32
#define CONFIG_RECIPIENTS_MAX 16
#define CONFIG_WORKERS_MAX 64

struct config {
	char file[CONFIG_PATH_MAX];	 /* as given; empty where there is none */
	char directory[CONFIG_PATH_MAX]; /* that the file stands in */
	char state[CONFIG_PATH_MAX];
	char runtime[CONFIG_PATH_MAX];
	char anchor_dir[CONFIG_PATH_MAX]; /* empty: "anchor" in state */
	char app_group[64];		  /* empty: none */
	char admin_group[64];
	char unseal_keyfile[CONFIG_PATH_MAX]; /* empty: none */
	unsigned workers;		      /* 0: half the cores, and spare ones on the others */
	unsigned max_connections;
	unsigned max_connections_per_uid; /* 0: half of max_connections */
	struct limit_rate uid_rate;	  /* of each caller's requests */
	struct limit_plan plans[CONFIG_PLANS_MAX];
	unsigned plan_count;
	unsigned spin_us; /* how long an idle worker polls before it sleeps */
	uint64_t map_size;
	uint64_t arena_size;
	bool require_memory_lock;
	bool sandbox_landlock, sandbox_seccomp;
	bool audit_sync_always;
	uint64_t audit_segment_size;
	uint64_t argon2_memory; /* bytes */
	uint64_t argon2_passes;
	enum log_level log_level;
	struct recipient backup_recipients[CONFIG_RECIPIENTS_MAX];
	unsigned backup_recipient_count;
	bool backup_passphrase; /* whether a backup may be encrypted to a passphrase */
};

void config_defaults(struct config *config);
/*
 * Reads the file into *config. A missing file is an error unless may_be_absent. On
 * VAULT_INVALID_PARAMS a line on stderr has said what is wrong and where; *config is then of no
 * use.
 */
MUST_USE enum vault_err config_read(struct config *config, const char *file, bool may_be_absent);

#endif
