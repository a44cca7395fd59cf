/*
 * init, unseal, status: what an operator does first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/show.h"
#include "tools/vaultctl/source.h"
#include "tools/vaultctl/units.h"

static bool
secret_given(const struct args *args)
{
	return args_given(args, "passphrase") || args_given(args, "keyfile") ||
	       args_given(args, "share") || args_given(args, "shares");
}

/* Without a secret on the command line: asked on a terminal, else read from stdin. */
static bool
take_passphrase(const struct ctl *ctl, struct args *args, bool twice)
{
	struct buf passphrase = { 0 };
	bool ok;

	if (secret_given(args))
		return true;
	if (isatty(STDIN_FILENO) != 1)
		return args_add(ctl, args, "passphrase", "-");
	ok = twice ? source_ask_twice(ctl, "New passphrase (12 bytes or more): ", &passphrase)
		   : source_ask(ctl, "Passphrase: ", &passphrase);
	ok = ok && args_add_secret(ctl, args, "passphrase", &passphrase);
	buf_free(&passphrase);
	return ok;
}

int
run_init(struct ctl *ctl, struct args *args)
{
	int status = take_passphrase(ctl, args, true) ? command_run(ctl, args) : CTL_LOCAL;

	if (status != CTL_DONE || ctl->format != CTL_TABLE)
		return status;
	if (args_given(args, "shares"))
		ctl_note(ctl, "The vault is ready and unsealed. Without as many shares as it takes "
			      "nobody can open it again.\n"
			      "audit_key proves the audit later; note it elsewhere.");
	else
		ctl_note(ctl, "The vault is ready and unsealed. Without the passphrase or key file "
			      "nobody can open it again:\n"
			      "keep it where this host cannot lose it. audit_key proves the audit "
			      "later; note it elsewhere.");
	return status;
}

int
run_slot_add(struct ctl *ctl, struct args *args)
{
	return take_passphrase(ctl, args, true) ? command_run(ctl, args) : CTL_LOCAL;
}

int
run_unseal(struct ctl *ctl, struct args *args)
{
	return take_passphrase(ctl, args, false) ? command_run(ctl, args) : CTL_LOCAL;
}

static void
line(const char *name, const char *value)
{
	printf("%-13s %s\n", name, value);
}

static bool
flag_of(struct cursor map, const char *name)
{
	struct cursor value;
	bool v = false;

	return show_entry(map, name, &value) && cursor_bool(&value, &v) && v;
}

/* A field as its record would show it. */
static void
line_of(const struct ctl *ctl, const struct object_type *type, const char *name, struct cursor map,
	const char *absent)
{
	struct cursor value;
	char label[32];

	snprintf(label, sizeof label, "%s", name);
	for (char *p = label; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	for (unsigned i = 0; i < type->count; i++) {
		char *text;

		if (strcmp(type->fields[i].name, name) != 0)
			continue;
		if (!show_entry(map, name, &value)) {
			if (absent != NULL)
				line(label, absent);
			return;
		}
		text = show_cell(ctl, &type->fields[i], value, false);
		line(label, text == NULL ? "?" : text);
		free(text);
	}
}

static void
state_line(struct cursor map)
{
	bool colours = ctl_colours();
	const char *state = "unsealed", *colour = "\033[32m";

	if (!flag_of(map, "initialized")) {
		state = "not initialised; run: vaultctl init";
		colour = "\033[33m";
	} else if (flag_of(map, "sealed")) {
		state = "sealed; run: vaultctl unseal";
		colour = "\033[33m";
	}
	printf("%-13s %s%s%s\n", "state", colours ? colour : "", state, colours ? "\033[0m" : "");
}

static void
audit_line(struct cursor map)
{
	struct cursor audit, seq;
	char text[64];
	int64_t n = 0;

	if (!show_entry(map, "audit", &audit))
		return;
	if (show_entry(audit, "seq", &seq) && !cursor_int(&seq, &n))
		n = 0;
	snprintf(text, sizeof text, "%s, %lld records", flag_of(audit, "ok") ? "ok" : "NOT WRITTEN",
		 (long long)n);
	line("audit", text);
}

/* An older store that is put back is noticed as far as the anchor got. */
static void
anchor_line(struct cursor map)
{
	struct cursor anchor, value;
	char text[128], ago[UNIT_TEXT_MAX];
	int64_t revision = 0, age = 0;

	if (!show_entry(map, "anchor", &anchor))
		return;
	if (show_entry(anchor, "revision", &value) && !cursor_int(&value, &revision))
		revision = 0;
	if (show_entry(anchor, "age", &value) && !cursor_int(&value, &age))
		age = 0;
	unit_show_duration(ago, age);
	snprintf(text, sizeof text, "%s, revision %lld, written %s ago",
		 flag_of(anchor, "ok") ? "ok" : "NOT WRITTEN", (long long)revision, ago);
	line("anchor", text);
}

/* "2 of 3 shares of initial" */
static void
shares_line(struct cursor map)
{
	struct cursor unseal, value;
	int64_t have = 0, needed = 0, all;
	struct vault_text slot = { "", 0 };
	char text[256];

	if (!show_entry(map, "unseal", &unseal))
		return;
	if (!show_entry(unseal, "have", &value) || !cursor_int(&value, &have) ||
	    !show_entry(unseal, "needed", &value) || !cursor_int(&value, &needed) ||
	    !show_entry(unseal, "slot", &value) || !cursor_str(&value, &slot))
		return;
	all = have + needed;
	snprintf(text, sizeof text, "%lld of %lld shares of %.*s", (long long)have, (long long)all,
		 (int)slot.len, slot.p);
	line("given", text);
}

/* "audit.verify, 34%: 1200 of 3500 records, since 3s ago" */
static void
work_line(const struct ctl *ctl, struct cursor item)
{
	struct vault_text method = { "", 0 }, unit = { "", 0 };
	int64_t done = 0, total = 0, since = 0;
	struct cursor value;
	char amount[64], age[UNIT_TEXT_MAX], text[320];

	if (!show_entry(item, "method", &value) || !cursor_str(&value, &method) ||
	    !show_entry(item, "unit", &value) || !cursor_str(&value, &unit) ||
	    !show_entry(item, "done", &value) || !cursor_int(&value, &done) ||
	    !show_entry(item, "since", &value) || !cursor_int(&value, &since))
		return;
	if (show_entry(item, "total", &value) && cursor_int(&value, &total) && total > 0)
		snprintf(amount, sizeof amount, "%d%%, %lld of %lld",
			 (int)(100.0 * (double)done / (double)total), (long long)done,
			 (long long)total);
	else
		snprintf(amount, sizeof amount, "%lld", (long long)done);
	unit_show_age(age, since, ctl->now);
	snprintf(text, sizeof text, "%.*s: %s %.*s, begun %s", (int)method.len, method.p, amount,
		 (int)unit.len, unit.p, age);
	line("at work", text);
}

static void
work_lines(const struct ctl *ctl, struct cursor map)
{
	struct vault_bytes raw;
	struct cursor items;
	uint32_t n;

	if (!show_entry(map, "work", &items) || !cursor_array(&items, &n))
		return;
	for (uint32_t i = 0; i < n && cursor_skip(&items, &raw); i++)
		work_line(ctl, (struct cursor){ raw.p, raw.p + raw.len });
}

static void
show_status(const struct ctl *ctl, struct cursor status, const struct vault_sys_hello_res *hello)
{
	const struct object_type *type = sys_status_res_type();
	struct cursor value;

	state_line(status);
	shares_line(status);
	line_of(ctl, type, "version", status, NULL);
	line_of(ctl, type, "uptime", status, NULL);
	if (flag_of(status, "initialized"))
		line_of(ctl, type, "store_id", status, NULL);
	line_of(ctl, type, "tenants", status, NULL);
	line_of(ctl, type, "slots", status, NULL);
	line_of(ctl, type, "sandbox", status, NULL);
	line_of(ctl, type, "memory_lock", status, NULL);
	/* Of these nothing is known while it is sealed, and the greeting tells nothing. */
	if (!flag_of(status, "sealed") && show_entry(status, "uptime", &value)) {
		audit_line(status);
		anchor_line(status);
		line_of(ctl, type, "last_backup", status, "never");
		line_of(ctl, type, "last_drill", status, "never");
		work_lines(ctl, status);
	}
	printf("%-13s %.*s\n", "you are", (int)hello->principal.len, hello->principal.p);
}

/* Who may not see the status still learns from the greeting whether the vault is open. */
static int
status_of(struct ctl *ctl, struct vault *vault)
{
	const struct op_row *row = &op_rows[OP_sys_status];
	struct vault_bytes bytes;
	char principal[256 + 1];
	struct vault_sys_hello_res hello;
	struct cursor result;
	enum vault_err err;

	if (vault_sys_hello(vault, NULL, &hello) != VAULT_OK)
		return ctl_failed(ctl, vault, row);
	snprintf(principal, sizeof principal, "%.*s", (int)hello.principal.len, hello.principal.p);
	hello.principal = vault_text(principal);
	err = vault_call(vault, row->method, (struct vault_map){ NULL, 0 }, &bytes);
	if (err == VAULT_DENIED || err == VAULT_SEALED || err == VAULT_UNINITIALIZED) {
		row = &op_rows[OP_sys_hello];
		err = vault_call(vault, row->method, (struct vault_map){ NULL, 0 }, &bytes);
	}
	if (err != VAULT_OK)
		return ctl_failed(ctl, vault, row);
	result = (struct cursor){ bytes.p, bytes.p + bytes.len };
	if (ctl->format == CTL_JSON)
		json_print(stdout, &result, NULL, false);
	else if (ctl->quiet)
		puts(!flag_of(result, "initialized") ? "uninitialized"
		     : flag_of(result, "sealed")     ? "sealed"
						     : "unsealed");
	else
		show_status(ctl, result, &hello);
	return CTL_DONE;
}

int
run_status(struct ctl *ctl, struct args *args)
{
	struct vault *vault;
	int status;

	if (args->n > 0 || args->words_n > 0)
		return ctl_usage(ctl, "status takes no arguments");
	status = ctl_connect(ctl, &op_rows[OP_sys_status], &vault);
	if (status == CTL_DONE)
		status = status_of(ctl, vault);
	vault_close(vault);
	return status;
}
