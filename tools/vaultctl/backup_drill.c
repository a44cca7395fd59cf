/*
 * backup drill: a backup that was never restored is not a backup. Takes one into a scratch
 * directory; with a slot's secret lets vaultd restore it there, as after a loss; then asks the
 * daemon for its own rehearsal, whose signed record is the result. The scratch directory goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol/text.h"
#include "tools/vaultctl/backup_file.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/progress.h"

#define SCRATCH_DEFAULT "/var/tmp"
#define SCRATCH_NAME "vaultd-drill-XXXXXX"
#define VAULTD_DEFAULT "vaultd"
#define ARGUMENTS_MAX 16
#define TREE_DESCRIPTORS 16

const struct extra backup_drill_extras[] = {
	{ "passphrase-file", "FILE", "restore with a slot's passphrase" },
	{ "keyfile", "FILE", "restore with a slot's key file" },
	{ "slot", "NAME", "try this slot alone" },
	{ "scratch", "DIR", "where to restore (default " SCRATCH_DEFAULT ")" },
	{ "record", "FILE", "write the signed record there, not to stdout" },
	{ "vaultd", "PATH", "the program that restores (default " VAULTD_DEFAULT ")" },
	{ NULL, NULL, NULL },
};

struct drill {
	struct ctl *ctl;
	const struct args *args;
	char scratch[BACKUP_PATH_MAX]; /* empty: not made */
	char file[BACKUP_PATH_MAX + 16], into[BACKUP_PATH_MAX + 16];
	bool restored;
	double begun;
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A line for each step, on stderr: the result is the record. */
static void
tell_step(struct drill *drill, const char *what, int status)
{
	double then = drill->begun;

	drill->begun = now();
	ctl_note(drill->ctl, "%-8s %-6s %8.2f s", what, status == CTL_DONE ? "ok" : "FAILED",
		 drill->begun - then);
}

static int
make_scratch(struct drill *drill)
{
	const char *parent = args_extra(drill->args, "scratch");

	snprintf(drill->scratch, sizeof drill->scratch, "%s/" SCRATCH_NAME,
		 parent == NULL ? SCRATCH_DEFAULT : parent);
	if (mkdtemp(drill->scratch) == NULL) {
		ctl_local(drill->ctl, "%s: %m", drill->scratch);
		drill->scratch[0] = '\0';
		return CTL_LOCAL;
	}
	snprintf(drill->file, sizeof drill->file, "%s/backup", drill->scratch);
	snprintf(drill->into, sizeof drill->into, "%s/state", drill->scratch);
	if (mkdir(drill->into, 0700) == 0)
		return CTL_DONE;
	return ctl_local(drill->ctl, "%s: %m", drill->into);
}

static int
remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
	(void)st;
	(void)what;
	(void)at;
	return remove(path);
}

static int
remove_scratch(const struct drill *drill)
{
	if (drill->scratch[0] == '\0' ||
	    nftw(drill->scratch, remove_one, TREE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0)
		return CTL_DONE;
	return ctl_local(drill->ctl, "%s cannot be removed: %m", drill->scratch);
}

/* The child's stdout goes nowhere: it tells of a store that is removed again, and what to do with it. */
static int
run_quietly(const struct ctl *ctl, char *const *argv)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return ctl_local(ctl, "fork: %m");
	if (child == 0) {
		int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0)
			execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return ctl_local(ctl, "waitpid: %m");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return CTL_DONE;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return ctl_local(ctl, "%s cannot be run; --vaultd names the program", argv[0]);
	return ctl_local(ctl, "the backup could not be restored");
}

/* There is no surviving audit in a rehearsal, so the gap is accepted. */
static int
restore(struct drill *drill)
{
	static const char *const options[] = { "passphrase-file", "keyfile", "slot" };
	const char *program = args_extra(drill->args, "vaultd");
	char names[sizeof options / sizeof options[0]][32];
	const char *argv[ARGUMENTS_MAX] = { program == NULL ? VAULTD_DEFAULT : program,
					    "restore",
					    drill->file,
					    "--into",
					    drill->into,
					    "--accept-gap" };
	unsigned n = 6;

	for (unsigned i = 0; i < sizeof options / sizeof options[0]; i++) {
		const char *value = args_extra(drill->args, options[i]);

		if (value == NULL)
			continue;
		snprintf(names[i], sizeof names[i], "--%s", options[i]);
		argv[n++] = names[i];
		argv[n++] = value;
	}
	return run_quietly(drill->ctl, (char *const *)(uintptr_t)argv);
}

static int
write_record(const struct drill *drill, bool ok, struct vault_text record)
{
	const char *path = args_extra(drill->args, "record");
	struct backup_file file = BACKUP_FILE_NONE;
	bool good;

	if (path == NULL && drill->ctl->format == CTL_JSON) {
		printf("{\"ok\": %s, \"restored\": %s, \"record\": ", ok ? "true" : "false",
		       drill->restored ? "true" : "false");
		json_print_text(stdout, record);
		puts("}");
		return CTL_DONE;
	}
	if (path == NULL) {
		fwrite(record.p, 1, record.len, stdout);
		return CTL_DONE;
	}
	good = backup_file_open(drill->ctl, path, "", true, &file) &&
	       backup_file_write(drill->ctl, &file, text_bytes(record)) &&
	       backup_file_sync(drill->ctl, &file) && backup_file_keep(drill->ctl, &file);
	backup_file_close(&file);
	return good ? CTL_DONE : CTL_LOCAL;
}

/* The daemon's own rehearsal, of a backup that is begun for it and not fetched. */
static int
ask(struct drill *drill, struct vault *vault)
{
	struct vault_backup_begin_req wish = { 0 };
	struct vault_backup_begin_res begun;
	struct vault_backup_drill_res done;
	struct vault_backup_drill_req req;
	char handle[BACKUP_HANDLE_MAX + 1];
	uint32_t msgid;
	const struct op_row *row = op_find(TEXT_LITERAL("backup.drill"));

	if (vault_backup_begin(vault, &wish, &begun) != VAULT_OK)
		return ctl_failed(drill->ctl, vault, op_find(TEXT_LITERAL("backup.begin")));
	snprintf(handle, sizeof handle, "%.*s", (int)begun.backup.len, begun.backup.p);
	req = (struct vault_backup_drill_req){ .backup = vault_text(handle) };
	if (vault_backup_drill_send(vault, &req, &msgid) != VAULT_OK ||
	    progress_wait(drill->ctl, row, vault, msgid) != VAULT_OK ||
	    vault_backup_drill_receive(vault, msgid, &done) != VAULT_OK)
		return ctl_failed(drill->ctl, vault, row);
	if (write_record(drill, done.ok, done.record) != CTL_DONE)
		return CTL_LOCAL;
	return done.ok ? CTL_DONE : CTL_INVALID;
}

static int
rehearse(struct drill *drill)
{
	struct vault *vault = NULL;
	int status = ctl_connect(drill->ctl, op_find(TEXT_LITERAL("backup.drill")), &vault);

	if (status == CTL_DONE)
		status = ask(drill, vault);
	vault_close(vault);
	return status;
}

static int
run(struct drill *drill)
{
	bool secret = args_extra(drill->args, "passphrase-file") != NULL ||
		      args_extra(drill->args, "keyfile") != NULL;
	int status = make_scratch(drill);

	if (status != CTL_DONE)
		return status;
	drill->begun = now();
	status = backup_take(drill->ctl, drill->file);
	tell_step(drill, "take", status);
	if (status == CTL_DONE && secret) {
		status = restore(drill);
		drill->restored = status == CTL_DONE;
		tell_step(drill, "restore", status);
	} else if (status == CTL_DONE) {
		ctl_note(drill->ctl, "restore  left out: give --keyfile or --passphrase-file");
	}
	if (status != CTL_DONE)
		return status;
	status = rehearse(drill);
	tell_step(drill, "rehearse", status);
	return status;
}

int
run_backup_drill(struct ctl *ctl, struct args *args)
{
	struct drill drill = { .ctl = ctl, .args = args };
	int status, removed;

	if (args->words_n != 0)
		return ctl_usage(ctl, "usage: vaultctl backup drill; see --help");
	status = run(&drill);
	removed = remove_scratch(&drill);
	return status != CTL_DONE ? status : removed;
}
