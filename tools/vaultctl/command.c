#include "tools/vaultctl/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/progress.h"
#include "tools/vaultctl/show.h"
#include "tools/vaultctl/slots.h"
#include "tools/vaultctl/totp.h"

#define METHOD_MAX 64 /* bytes of a method's name */

const struct op_row *
command_find(const char *noun, const char *verb)
{
	char method[METHOD_MAX];
	int n = snprintf(method, sizeof method, "%s.%s", noun, verb);

	if (n < 0 || (size_t)n >= sizeof method)
		return NULL;
	for (char *p = method; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
	return op_find(text_of(method));
}

bool
command_noun(const char *noun)
{
	size_t len = strlen(noun);

	for (int i = 0; i < OP_COUNT; i++)
		if (strncmp(op_rows[i].method, noun, len) == 0 && op_rows[i].method[len] == '.')
			return true;
	return false;
}

const struct command *
command_of_row(const struct op_row *row)
{
	size_t noun = strcspn(row->method, ".");

	for (const struct command *c = commands; c->name != NULL; c++)
		if (strncmp(c->name, row->method, noun) == 0 && c->name[noun] == ' ' &&
		    strcmp(c->name + noun + 1, row->method + noun + 1) == 0)
			return c;
	return NULL;
}

bool
command_is_operation(const struct command *command)
{
	return command->method != NULL && strchr(command->name, ' ') != NULL;
}

/* The tenant of --tenant or of the environment, where the operation asks for one and no argument
 * gave it. */
static bool
take_tenant(const struct ctl *ctl, struct args *args)
{
	const struct object_type *type = args->row->request();

	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];

		if (field->kind != FIELD_TENANT || args_given(args, field->name) ||
		    ctl->tenant == NULL)
			continue;
		if (field->required || ctl->tenant_given)
			return args_add(ctl, args, field->name, ctl->tenant);
	}
	return true;
}

/* "--display-name" */
static const char *
dashed(const char *name, char out[static METHOD_MAX])
{
	snprintf(out, METHOD_MAX, "%s", name);
	for (char *p = out; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	return out;
}

static bool
require_all(const struct ctl *ctl, const struct args *args)
{
	const struct object_type *type = args->row->request();
	size_t noun = strcspn(args->row->method, ".");
	char name[METHOD_MAX], verb[METHOD_MAX];

	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];

		if (!field->required || args_given(args, field->name))
			continue;
		ctl_usage(ctl, "--%s is required%s; see vaultctl %.*s %s --help",
			  dashed(field->name, name),
			  field->kind == FIELD_TENANT ? " (or set VAULTD_TENANT)" : "", (int)noun,
			  args->row->method, dashed(args->row->method + noun + 1, verb));
		return false;
	}
	return true;
}

/* What cannot be taken back is asked about; but one token, by its id, is what was meant. */
static bool
confirmed(const struct ctl *ctl, const struct op_row *row, const struct args *args)
{
	static const char *const verbs[] = { "revoke", "delete", "destroy",
					     "erase",  "remove", "seal" };
	const char *verb = strchr(row->method, '.') + 1;
	const char *what = "";
	char question[METHOD_MAX + 320];

	if (row->id == OP_token_revoke && args_given(args, "jti"))
		return true;
	for (size_t i = 0; i < args->n && what[0] == '\0'; i++)
		if (args->v[i].field->required && args->v[i].text != NULL &&
		    (strncmp(row->method, "tenant.", 7) == 0 ||
		     args->v[i].field->kind != FIELD_TENANT))
			what = args->v[i].text;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (strcmp(verb, verbs[i]) != 0)
			continue;
		snprintf(question, sizeof question, "%s%s%.255s%s: go on?", row->method,
			 what[0] == '\0' ? "" : " ", what,
			 row->id == OP_token_revoke ? " of many tokens at once" : "");
		return ctl_confirm(ctl, question);
	}
	return true;
}

int
command_call(struct ctl *ctl, const struct op_row *row, struct vault *vault,
	     struct vault_map params, struct cursor *result)
{
	struct vault_bytes bytes;
	enum vault_err err = progress_call(ctl, row, vault, params, &bytes);
	int status;

	if (err == VAULT_MFA_REQUIRED && totp_can_ask(ctl)) {
		ctl_note(ctl, "%s asks for a one-time code.", row->method);
		status = totp_give(ctl, vault);
		if (status != CTL_DONE)
			return status;
		/* The first try changed nothing, so its id is free. */
		if (ctl->request_id != NULL)
			err = vault_set_request_id(vault, vault_text(ctl->request_id));
		if (ctl->request_id == NULL || err == VAULT_OK)
			err = progress_call(ctl, row, vault, params, &bytes);
	}
	if (err != VAULT_OK)
		return ctl_failed(ctl, vault, row);
	*result = (struct cursor){ bytes.p, bytes.p + bytes.len };
	return CTL_DONE;
}

/* A verify or a check that answered "no" has an exit code of its own. */
static int
verdict(struct cursor result)
{
	struct cursor value;
	bool good = true;

	if (show_entry(result, "valid", &value) || show_entry(result, "ok", &value))
		good = !cursor_bool(&value, &good) || good;
	return good ? CTL_DONE : CTL_INVALID;
}

/* A secret that is shown this once must not be lost because it is hidden; --show is asked for then.
 */
static void
offer_once(struct ctl *ctl, const struct op_row *row, struct cursor result)
{
	const struct object_type *type = row->result();
	struct cursor value;

	for (unsigned i = 0; i < type->count; i++)
		if ((type->fields[i].flags & F_ONCE) != 0 &&
		    show_entry(result, type->fields[i].name, &value) && ctl_on_terminal() &&
		    !ctl->show && isatty(STDIN_FILENO) == 1) {
			fputs("A secret is shown only this once. Press Enter to print it on this "
			      "terminal: ",
			      stderr);
			while (getchar() != '\n' && !feof(stdin))
				continue;
			ctl->show = true;
		}
}

static void
show_result(struct ctl *ctl, const struct op_row *row, struct cursor result, bool replayed)
{
	/* Enrolling asks for the secret to be shown: an app reads it off the terminal. */
	if (row->id == OP_totp_enroll && ctl->format == CTL_TABLE && !ctl->quiet &&
	    (ctl->qr || ctl_on_terminal())) {
		totp_show(ctl, result);
		return;
	}
	/* Whoever makes shares asks for them. */
	if (ctl->format == CTL_TABLE && slots_has_shares(result)) {
		slots_show_shares(ctl, row, result);
		return;
	}
	offer_once(ctl, row, result);
	if (replayed && ctl->format == CTL_TABLE)
		ctl_note(ctl,
			 "This was done before under the same request id; nothing was changed now. "
			 "Secrets are shown the first time only.");
	if (ctl->format == CTL_JSON)
		json_print(stdout, &result, row->result(), ctl_on_terminal() && !ctl->show);
	else if (ctl->quiet)
		show_value(row->result(), result);
	else if (row->result()->count == 0)
		ctl_note(ctl, "Done.");
	else
		show_record(ctl, row->result(), result);
	if (row->id == OP_sys_unseal)
		slots_note_needed(ctl, result);
}

static const struct field *
items_field(const struct op_row *row)
{
	const struct object_type *type = row->result();

	return type->count > 0 && strcmp(type->fields[0].name, "items") == 0 ? &type->fields[0]
									     : NULL;
}

/* The pages of a list in JSON: as they are, or one after the other in one list where all were asked
 * for. */
static void
json_page(const struct ctl *ctl, struct cursor items, struct cursor result, bool *first)
{
	uint32_t n;

	if (!ctl->all) {
		json_print(stdout, &result, NULL, false);
		return;
	}
	if (!cursor_array(&items, &n))
		return;
	for (uint32_t i = 0; i < n; i++) {
		fputs(*first ? "{\"items\": [\n  " : ",\n  ", stdout);
		*first = false;
		json_print_value(stdout, &items, -1);
	}
}

static void
json_end(const struct ctl *ctl, bool none)
{
	if (ctl->all)
		puts(none ? "{\"items\": []}" : "\n]}");
}

struct pages {
	struct show_list *list;	     /* NULL where JSON is printed */
	char cursor[CURSOR_MAX + 1]; /* of the next page, "" where there is none */
	bool first;
};

/* Takes one page, and encodes what asks for the next one into params. */
static int
one_page(struct ctl *ctl, struct args *args, struct vault *vault, struct buf *params,
	 struct pages *pages)
{
	struct cursor result = { NULL, NULL }, items, value;
	struct vault_text next;
	int status = command_call(ctl, args->row, vault,
				  (struct vault_map){ buf_data(params), buf_len(params) }, &result);

	if (status != CTL_DONE)
		return status;
	if (!show_entry(result, "items", &items))
		return ctl_local(ctl, "the daemon's answer is no list");
	if (pages->list != NULL)
		show_list_add(pages->list, items);
	else
		json_page(ctl, items, result, &pages->first);
	pages->cursor[0] = '\0';
	if (!show_entry(result, "cursor", &value) || !cursor_str(&value, &next) ||
	    next.len > CURSOR_MAX)
		return CTL_DONE;
	snprintf(pages->cursor, sizeof pages->cursor, "%.*s", (int)next.len, next.p);
	buf_truncate(params, 0);
	return !ctl->all || args_encode(ctl, args, vault_text(pages->cursor), params) ? CTL_DONE
										      : CTL_LOCAL;
}

static int
show_pages(struct ctl *ctl, struct args *args, struct vault *vault, struct buf *params)
{
	struct pages pages = { .first = true };
	int status;

	if (ctl->format == CTL_TABLE)
		pages.list = show_list_new(ctl, items_field(args->row)->object());
	do
		status = one_page(ctl, args, vault, params, &pages);
	while (status == CTL_DONE && ctl->all && pages.cursor[0] != '\0');
	if (pages.list != NULL)
		show_list_end(pages.list, status == CTL_DONE);
	else if (status == CTL_DONE)
		json_end(ctl, pages.first);
	if (status == CTL_DONE && pages.cursor[0] != '\0' && ctl->format == CTL_TABLE)
		ctl_note(ctl, "There is more: give --all, or --cursor %s", pages.cursor);
	return status;
}

/* What is wrong on the command line is told before anybody is asked. */
bool
command_prepare(struct ctl *ctl, struct args *args, struct buf *params)
{
	if (ctl->qr && (args->row->id != OP_totp_enroll || ctl->format == CTL_JSON)) {
		ctl_usage(ctl, "--qr is for totp enroll, and not for JSON");
		return false;
	}
	if (!take_tenant(ctl, args) || !require_all(ctl, args) ||
	    !args_encode(ctl, args, (struct vault_text){ NULL, 0 }, params))
		return false;
	if (confirmed(ctl, args->row, args))
		return true;
	ctl_local(ctl, "not done");
	return false;
}

int
command_ask(struct ctl *ctl, struct args *args, struct vault **vault, struct cursor *result)
{
	struct buf params = { 0 };
	int status = CTL_LOCAL;

	*vault = NULL;
	if (command_prepare(ctl, args, &params))
		status = ctl_connect(ctl, args->row, vault);
	if (status == CTL_DONE)
		status = command_call(ctl, args->row, *vault,
				      (struct vault_map){ buf_data(&params), buf_len(&params) },
				      result);
	buf_free(&params);
	return status;
}

static int
run_once(struct ctl *ctl, struct args *args)
{
	struct cursor result = { NULL, NULL };
	struct vault *vault;
	int status = command_ask(ctl, args, &vault, &result);

	if (status == CTL_DONE) {
		show_result(ctl, args->row, result, vault_replayed(vault));
		status = verdict(result);
	}
	vault_close(vault);
	return status;
}

static int
run_list(struct ctl *ctl, struct args *args)
{
	struct buf params = { 0 };
	struct vault *vault = NULL;
	int status = CTL_LOCAL;

	if (command_prepare(ctl, args, &params))
		status = ctl_connect(ctl, args->row, &vault);
	if (status == CTL_DONE)
		status = show_pages(ctl, args, vault, &params);
	buf_free(&params);
	vault_close(vault);
	return status;
}

int
command_run(struct ctl *ctl, struct args *args)
{
	return items_field(args->row) != NULL ? run_list(ctl, args) : run_once(ctl, args);
}
