/*
 * backup create: fetches a backup into a file, and its tenants' keys into another where they are
 * split off.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"
#include "tools/vaultctl/backup_file.h"
#include "tools/vaultctl/child.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/source.h"

#define KEYS_SUFFIX ".keys"
#define AHEAD 3 /* reads in flight, so that neither side waits for the other */

const struct extra backup_create_extras[] = {
	{ "recipient", "NAME", "encrypt to this recipient of the configuration" },
	{ "passphrase", "-|@FILE", "encrypt to a passphrase, where the configuration allows it" },
	{ "split-keys", NULL, "put the tenants' keys into FILE.keys" },
	{ "force", NULL, "replace FILE" },
	{ NULL, NULL, NULL },
};

struct fetch {
	struct ctl *ctl;
	struct vault *vault;
	const struct op_row *row; /* backup.begin's, for what goes wrong */
	uint64_t bytes;		  /* that came */
};

/* SIGINT and the like are blocked meanwhile, so that nothing half-written is left behind. */
static bool
interrupted(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
		sigismember(&pending, SIGHUP) == 1);
}

static int
ask(struct fetch *fetch, struct vault_text handle, uint32_t *msgid)
{
	struct vault_backup_read_req req = { .backup = handle };

	return vault_backup_read_send(fetch->vault, &req, msgid) == VAULT_OK
		       ? CTL_DONE
		       : ctl_failed(fetch->ctl, fetch->vault, fetch->row);
}

/* Takes one answer into the file. */
static int
take(struct fetch *fetch, uint32_t msgid, struct backup_file *file, bool *done)
{
	struct vault_backup_read_res res;
	struct bar_at at;

	if (vault_backup_read_receive(fetch->vault, msgid, &res) != VAULT_OK)
		return ctl_failed(fetch->ctl, fetch->vault, fetch->row);
	*done = res.done;
	fetch->bytes += res.data.len;
	if (!backup_file_write(fetch->ctl, file, res.data))
		return CTL_LOCAL;
	at = (struct bar_at){ (uint64_t)res.progress->records, (uint64_t)res.progress->total,
			      fetch->bytes };
	/* The answers behind the last are empty, and find the bar ended. */
	if (res.done)
		bar_finish(&fetch->ctl->bar, &at);
	else
		bar_show(&fetch->ctl->bar, &at);
	return CTL_DONE;
}

/* Reads the handle to its end: answers come in the order of the requests. */
static int
fetch_stream(struct fetch *fetch, struct vault_text handle, struct backup_file *file)
{
	uint32_t asked[AHEAD];
	unsigned first = 0, n = 0;
	bool done = false;
	int status = CTL_DONE;

	ctl_bar(fetch->ctl, NULL, NULL);
	fetch->bytes = 0;
	while (status == CTL_DONE && (!done || n > 0)) {
		if (!done && n < AHEAD) {
			status = ask(fetch, handle, &asked[(first + n++) % AHEAD]);
			continue;
		}
		status = take(fetch, asked[first], file, &done);
		first = (first + 1) % AHEAD;
		n--;
		if (status == CTL_DONE && interrupted())
			status = ctl_local(fetch->ctl, "interrupted; nothing was written");
	}
	bar_end(&fetch->ctl->bar);
	return status;
}

static int
begin(struct fetch *fetch, const struct args *args, char handle[static BACKUP_HANDLE_MAX + 1])
{
	struct vault_backup_begin_req req = { 0 };
	struct vault_backup_begin_res res;
	const struct field *field = &fetch->row->request()->fields[0];
	const char *words = args_extra(args, "passphrase");
	struct buf passphrase = { 0 };
	enum vault_err err;

	req.recipient = vault_text(args_extra(args, "recipient"));
	if (args_extra(args, "split-keys") != NULL)
		req.split = vault_bool(true);
	if (words != NULL) {
		if (!source_is(words))
			return ctl_usage(fetch->ctl, "--passphrase takes - or @FILE: it never "
						     "stands on the command line");
		if (!source_read(fetch->ctl, field, words, &passphrase)) {
			buf_free(&passphrase);
			return CTL_LOCAL;
		}
		if (buf_len(&passphrase) == 0)
			return ctl_local(fetch->ctl, "the passphrase is empty");
		req.passphrase =
			(struct vault_bytes){ buf_data(&passphrase), buf_len(&passphrase) };
	}
	err = vault_backup_begin(fetch->vault, &req, &res);
	buf_free(&passphrase);
	if (err != VAULT_OK)
		return ctl_failed(fetch->ctl, fetch->vault, fetch->row);
	snprintf(handle, BACKUP_HANDLE_MAX + 1, "%.*s", (int)res.backup.len, res.backup.p);
	return CTL_DONE;
}

/* Recorded by the daemon before it has its name: a backup that no ledger knows must not be. */
static int
end(struct fetch *fetch, const char *handle, struct backup_file *files, unsigned n)
{
	struct vault_backup_end_req req = { .backup = vault_text(handle) };

	for (unsigned i = 0; i < n; i++)
		if (!backup_file_sync(fetch->ctl, &files[i]))
			return CTL_LOCAL;
	if (vault_backup_end(fetch->vault, &req, NULL) != VAULT_OK)
		return ctl_failed(fetch->ctl, fetch->vault, fetch->row);
	for (unsigned i = n; i > 0; i--)
		if (!backup_file_keep(fetch->ctl, &files[i - 1]))
			return CTL_LOCAL;
	return CTL_DONE;
}

static int
create(struct fetch *fetch, const struct args *args, struct backup_file *files, unsigned n)
{
	char handle[BACKUP_HANDLE_MAX + 1], keys[BACKUP_HANDLE_MAX + sizeof KEYS_SUFFIX];
	int status = begin(fetch, args, handle);

	if (status == CTL_DONE)
		status = fetch_stream(fetch, vault_text(handle), &files[0]);
	snprintf(keys, sizeof keys, "%s" KEYS_SUFFIX, status == CTL_DONE ? handle : "");
	if (status == CTL_DONE && n > 1)
		status = fetch_stream(fetch, vault_text(keys), &files[1]);
	if (status == CTL_DONE)
		status = end(fetch, handle, files, n);
	if (status != CTL_DONE)
		return status;
	if (fetch->ctl->format == CTL_JSON)
		printf("{\"backup\": \"%s\"}\n", handle);
	else
		puts(handle);
	return CTL_DONE;
}

int
backup_take(struct ctl *ctl, const char *path)
{
	static const struct args none = { 0 };
	struct fetch fetch = { .ctl = ctl, .row = op_find(TEXT_LITERAL("backup.begin")) };
	struct backup_file file = BACKUP_FILE_NONE;
	char handle[BACKUP_HANDLE_MAX + 1];
	int status = CTL_LOCAL;

	if (backup_file_open(ctl, path, "", false, &file))
		status = ctl_connect(ctl, fetch.row, &fetch.vault);
	if (status == CTL_DONE)
		status = begin(&fetch, &none, handle);
	if (status == CTL_DONE)
		status = fetch_stream(&fetch, vault_text(handle), &file);
	if (status == CTL_DONE && (!backup_file_sync(ctl, &file) || !backup_file_keep(ctl, &file)))
		status = CTL_LOCAL;
	backup_file_close(&file);
	vault_close(fetch.vault);
	return status;
}

int
run_backup_create(struct ctl *ctl, struct args *args)
{
	struct backup_file files[2] = { BACKUP_FILE_NONE, BACKUP_FILE_NONE };
	unsigned n = args_extra(args, "split-keys") != NULL ? 2 : 1;
	bool force = args_extra(args, "force") != NULL || ctl->yes, opened = true;
	struct fetch fetch = { .ctl = ctl, .row = op_find(TEXT_LITERAL("backup.begin")) };
	sigset_t endings, before;
	int status = CTL_LOCAL;

	if (args->words_n != 1)
		return ctl_usage(ctl, "usage: vaultctl backup create FILE; see --help");
	child_guard();
	sigemptyset(&endings);
	sigaddset(&endings, SIGINT);
	sigaddset(&endings, SIGTERM);
	sigaddset(&endings, SIGHUP);
	sigprocmask(SIG_BLOCK, &endings, &before);
	for (unsigned i = 0; i < n && opened; i++)
		opened = backup_file_open(ctl, args->words[0], i == 0 ? "" : KEYS_SUFFIX, force,
					  &files[i]);
	if (opened)
		status = ctl_connect(ctl, fetch.row, &fetch.vault);
	if (opened && status == CTL_DONE)
		status = create(&fetch, args, files, n);
	backup_file_close(&files[0]);
	backup_file_close(&files[1]);
	vault_close(fetch.vault);
	/* What was held back ends the program here. */
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
