/*
 * The commands: every operation as "noun verb", and those that are more, or have a shorter name.
 */
#ifndef VAULTCTL_COMMAND_H
#define VAULTCTL_COMMAND_H

#include "protocol/cursor.h"
#include "tools/vaultctl/args.h"
#include "tools/vaultctl/ctl.h"

struct command {
	const char *name;     /* "unseal", or "token inspect" */
	const char *method;   /* whose fields it takes and which it calls; NULL for none */
	const char *synopsis; /* of its arguments */
	const char *summary;
	int (*run)(struct ctl *ctl, struct args *args);
	const struct extra *extras; /* options that are no fields; NULL: none */
	bool child;		    /* what follows "--" is a command line */
};

/* The commands that are no plain operation; name NULL ends. */
extern const struct command commands[];

/* The command of the operation's noun and verb; NULL: it has none of its own. */
const struct command *command_of_row(const struct op_row *row);
/* Whether it is an operation by its own noun and verb, and so stands among those. */
bool command_is_operation(const struct command *command);

/* "noun", "verb" (dashes or underscores) as an operation; NULL where there is none. */
const struct op_row *command_find(const char *noun, const char *verb);
/* Whether any operation has this noun. */
bool command_noun(const char *noun);

/* Sends what args say and shows the result; the exit code. */
int command_run(struct ctl *ctl, struct args *args);
/* The same for the operation's encoded fields; the handle must be closed, and holds the result
 * until then. A one-time code that is required is asked for, where somebody can be asked. */
int command_call(struct ctl *ctl, const struct op_row *row, struct vault *vault,
		 struct vault_map params, struct cursor *result);

/* Sends what args say, and shows nothing; the exit code. *vault must be closed in any case, and holds
 * the result until then. */
int command_ask(struct ctl *ctl, struct args *args, struct vault **vault, struct cursor *result);

/* Encodes what args say into params, asking before what cannot be taken back; false: told already.
 */
bool command_prepare(struct ctl *ctl, struct args *args, struct buf *params);

int run_auth_totp(struct ctl *ctl, struct args *args);
int run_backup_drill(struct ctl *ctl, struct args *args);
int run_backup_create(struct ctl *ctl, struct args *args);
int run_backup_identity(struct ctl *ctl, struct args *args);
int run_backup_inspect(struct ctl *ctl, struct args *args);
int run_backup_verify(struct ctl *ctl, struct args *args);
int run_call(struct ctl *ctl, struct args *args);
int run_completion(struct ctl *ctl, struct args *args);
int run_crypto_decrypt(struct ctl *ctl, struct args *args);
int run_crypto_encrypt(struct ctl *ctl, struct args *args);
int run_crypto_rewrap(struct ctl *ctl, struct args *args);
int run_due(struct ctl *ctl, struct args *args);
int run_help(struct ctl *ctl, struct args *args);
int run_init(struct ctl *ctl, struct args *args);
int run_inspect(struct ctl *ctl, struct args *args);
int run_methods(struct ctl *ctl, struct args *args);
int run_metrics(struct ctl *ctl, struct args *args);
int run_run(struct ctl *ctl, struct args *args);
int run_secret_get(struct ctl *ctl, struct args *args);
int run_secret_put(struct ctl *ctl, struct args *args);
int run_secret_rotate(struct ctl *ctl, struct args *args);
extern const struct extra run_extras[], rotate_extras[], backup_create_extras[],
	backup_drill_extras[], backup_verify_extras[];
int run_slot_add(struct ctl *ctl, struct args *args);
int run_status(struct ctl *ctl, struct args *args);
int run_tenant_export(struct ctl *ctl, struct args *args);
int run_tenant_import(struct ctl *ctl, struct args *args);
extern const struct extra tenant_export_extras[], tenant_import_extras[];
int run_tenant_erase(struct ctl *ctl, struct args *args);
int run_tenant_rekey(struct ctl *ctl, struct args *args);
extern const struct extra tenant_erase_extras[], tenant_rekey_extras[];
int run_unseal(struct ctl *ctl, struct args *args);
int run_watch(struct ctl *ctl, struct args *args);
int run_webhook_sign(struct ctl *ctl, struct args *args);
int run_webhook_verify(struct ctl *ctl, struct args *args);

/*
 * backup.c: fetches a backup for a rehearsal into a file that is not there yet. The ledger is not
 * told, because the file will not stay.
 */
int backup_take(struct ctl *ctl, const char *path);

/* Help on everything, on a noun, on an operation, on a command. */
void help_all(void);
void help_noun(const char *noun);
void help_operation(const struct op_row *row);
void help_command(const struct command *command);

#endif
