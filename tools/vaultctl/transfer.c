/*
 * tenant export and tenant import: a tenant goes to another vault in a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/text.h"
#include "tools/vaultctl/backup_file.h"
#include "tools/vaultctl/child.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/source.h"

const struct extra tenant_export_extras[] = {
	{ "passphrase", "-|@FILE", "what opens the file; asked for where it is not given" },
	{ "force", NULL, "replace FILE" },
	{ NULL, NULL, NULL },
};
const struct extra tenant_import_extras[] = {
	{ "passphrase", "-|@FILE", "what opens the file; asked for where it is not given" },
	{ NULL, NULL, NULL },
};

struct transfer {
	struct ctl *ctl;
	struct vault *vault;
	const struct op_row *row; /* for what goes wrong */
};

static bool
take_passphrase(struct ctl *ctl, const struct args *args, const struct op_row *row,
		struct buf *passphrase)
{
	const char *words = args_extra(args, "passphrase");
	const struct field *field = NULL;

	for (unsigned i = 0; i < row->request()->count; i++)
		if (strcmp(row->request()->fields[i].name, "passphrase") == 0)
			field = &row->request()->fields[i];
	if (words == NULL && isatty(STDIN_FILENO) == 1)
		return row->id == OP_tenant_export
			       ? source_ask_twice(
					 ctl,
					 "Passphrase of the file (12 bytes or more): ", passphrase)
			       : source_ask(ctl, "Passphrase of the file: ", passphrase);
	if (words != NULL && !source_is(words)) {
		ctl_usage(ctl,
			  "--passphrase takes - or @FILE: it never stands on the command line");
		return false;
	}
	return source_read(ctl, field, words == NULL ? "-" : words, passphrase);
}

static struct vault_bytes
bytes_of(const struct buf *buf)
{
	return (struct vault_bytes){ buf_data(buf), buf_len(buf) };
}

static int
fetch(struct transfer *t, struct vault_text handle, struct backup_file *file)
{
	struct vault_backup_read_req req = { .backup = handle };
	struct vault_backup_read_res res;
	struct bar_at at = { 0 };

	ctl_bar(t->ctl, NULL, NULL);
	do {
		if (vault_backup_read(t->vault, &req, &res) != VAULT_OK)
			return ctl_failed(t->ctl, t->vault, t->row);
		if (!backup_file_write(t->ctl, file, res.data))
			return CTL_LOCAL;
		at = (struct bar_at){ (uint64_t)res.progress->records,
				      (uint64_t)res.progress->total, at.bytes + res.data.len };
		bar_show(&t->ctl->bar, &at);
	} while (!res.done);
	bar_finish(&t->ctl->bar, &at);
	return CTL_DONE;
}

static int
export_into(struct transfer *t, struct vault_text tenant, const struct buf *passphrase,
	    struct backup_file *file)
{
	struct vault_tenant_export_req req = { .tenant = tenant,
					       .passphrase = bytes_of(passphrase) };
	struct vault_tenant_export_res res;
	struct vault_backup_end_req end = { 0 };
	char handle[BACKUP_HANDLE_MAX + 1];
	int status;

	if (vault_tenant_export(t->vault, &req, &res) != VAULT_OK)
		return ctl_failed(t->ctl, t->vault, t->row);
	snprintf(handle, sizeof handle, "%.*s", (int)res.backup.len, res.backup.p);
	status = fetch(t, vault_text(handle), file);
	if (status != CTL_DONE)
		return status;
	end.backup = vault_text(handle);
	if (!backup_file_sync(t->ctl, file))
		return CTL_LOCAL;
	if (vault_backup_end(t->vault, &end, NULL) != VAULT_OK)
		return ctl_failed(t->ctl, t->vault, t->row);
	return backup_file_keep(t->ctl, file) ? CTL_DONE : CTL_LOCAL;
}

static struct transfer
transfer_of(struct ctl *ctl, const char *method)
{
	return (struct transfer){ .ctl = ctl, .row = op_find(text_of(method)) };
}

int
run_tenant_export(struct ctl *ctl, struct args *args)
{
	struct transfer t = transfer_of(ctl, "tenant.export");
	bool force = args_extra(args, "force") != NULL || ctl->yes;
	struct backup_file file = BACKUP_FILE_NONE;
	struct buf passphrase = { 0 };
	int status = CTL_LOCAL;

	if (args->words_n != 1 || ctl->tenant == NULL)
		return ctl_usage(ctl,
				 "usage: vaultctl tenant export --tenant TENANT FILE; see --help");
	child_guard();
	if (take_passphrase(ctl, args, t.row, &passphrase) &&
	    backup_file_open(ctl, args->words[0], "", force, &file))
		status = ctl_connect(ctl, t.row, &t.vault);
	if (status == CTL_DONE)
		status = export_into(&t, vault_text(ctl->tenant), &passphrase, &file);
	buf_free(&passphrase);
	backup_file_close(&file);
	vault_close(t.vault);
	return status;
}

/* The file's bytes, piece by piece. */
static int
bring(struct transfer *t, int fd, uint64_t size, struct vault_text handle)
{
	static uint8_t piece[IMPORT_WRITE_MAX];
	struct vault_import_write_req req = { .import = handle };
	struct bar_at at = { .total = size };
	ssize_t n;

	ctl_bar(t->ctl, NULL, NULL);
	while ((n = read(fd, piece, sizeof piece)) > 0) {
		req.data = (struct vault_bytes){ piece, (size_t)n };
		if (vault_import_write(t->vault, &req, NULL) != VAULT_OK)
			return ctl_failed(t->ctl, t->vault, t->row);
		req.offset += n;
		at.done = (uint64_t)req.offset;
		bar_show(&t->ctl->bar, &at);
	}
	if (n < 0)
		return ctl_local(t->ctl, "the file cannot be read: %s", strerror(errno));
	bar_finish(&t->ctl->bar, &at);
	return CTL_DONE;
}

static int
import_from(struct transfer *t, int fd, uint64_t size, const struct buf *passphrase)
{
	struct vault_tenant_import_req req = { .passphrase = bytes_of(passphrase) };
	struct vault_import_commit_req commit = { 0 };
	struct vault_tenant_import_res res;
	struct vault_import_commit_res done;
	char handle[BACKUP_HANDLE_MAX + 1];
	int status;

	if (vault_tenant_import(t->vault, &req, &res) != VAULT_OK)
		return ctl_failed(t->ctl, t->vault, t->row);
	snprintf(handle, sizeof handle, "%.*s", (int)res.import.len, res.import.p);
	status = bring(t, fd, size, vault_text(handle));
	if (status != CTL_DONE)
		return status;
	commit.import = vault_text(handle);
	if (t->ctl->tenant_given)
		commit.tenant = vault_text(t->ctl->tenant);
	if (vault_import_commit(t->vault, &commit, &done) != VAULT_OK)
		return ctl_failed(t->ctl, t->vault, t->row);
	if (t->ctl->format == CTL_JSON)
		printf("{\"tenant\": \"%.*s\"}\n", (int)done.tenant.len, done.tenant.p);
	else
		printf("%.*s\n", (int)done.tenant.len, done.tenant.p);
	return CTL_DONE;
}

int
run_tenant_import(struct ctl *ctl, struct args *args)
{
	struct transfer t = transfer_of(ctl, "tenant.import");
	struct buf passphrase = { 0 };
	int status = CTL_LOCAL, fd;
	struct stat st = { 0 };

	if (args->words_n != 1)
		return ctl_usage(ctl,
				 "usage: vaultctl tenant import FILE [--tenant NAME]; see --help");
	fd = open(args->words[0], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		status = ctl_local(ctl, "%s: %s", args->words[0], strerror(errno));
		if (fd >= 0)
			close(fd);
		return status;
	}
	child_guard();
	if (take_passphrase(ctl, args, t.row, &passphrase))
		status = ctl_connect(ctl, t.row, &t.vault);
	if (status == CTL_DONE)
		status = import_from(&t, fd, (uint64_t)st.st_size, &passphrase);
	buf_free(&passphrase);
	close(fd);
	vault_close(t.vault);
	return status;
}
