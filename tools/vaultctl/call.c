/*
 * call: any method, in JSON; methods: what the daemon has.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/show.h"
#include "tools/vaultctl/source.h"

/* A method that this build does not know still has a name to be sent. */
static struct op_row
row_of(const char *method)
{
	const struct op_row *row = op_find(text_of(method));

	return row != NULL
		       ? *row
		       : (struct op_row){ .method = method, .id = OP_COUNT, .class = CLASS_READ };
}

static bool
read_params(struct ctl *ctl, const char *text, struct buf *out)
{
	static const struct field params = { .name = "JSON", .kind = FIELD_MAP };
	char why[JSON_WHY_MAX];
	struct buf read = { 0 };
	struct cursor c;
	uint32_t n;
	bool ok = true;

	if (source_is(text))
		ok = source_read(ctl, &params, text, &read);
	else
		ok = buf_append(&read, text, strlen(text)) == VAULT_OK;
	if (ok &&
	    !json_parse(out, (struct vault_text){ (const char *)buf_data(&read), buf_len(&read) },
			why)) {
		ctl_usage(ctl, "%s", why);
		ok = false;
	}
	c = (struct cursor){ buf_data(out), buf_data(out) + buf_len(out) };
	if (ok && !cursor_map(&c, &n)) {
		ctl_usage(ctl, "the fields must be a JSON object");
		ok = false;
	}
	buf_free(&read);
	return ok;
}

/* A result whose method is known hides its secrets on a terminal, and may say "not valid". */
static int
show_call(const struct ctl *ctl, const struct op_row *row, struct cursor result)
{
	struct cursor value, valid = result;
	bool v;

	json_print(stdout, &result, row->result == NULL ? NULL : row->result(),
		   ctl_on_terminal() && !ctl->show);
	return show_entry(valid, "valid", &value) && cursor_bool(&value, &v) && !v ? CTL_INVALID
										   : CTL_DONE;
}

int
run_call(struct ctl *ctl, struct args *args)
{
	struct buf params = { 0 };
	struct vault *vault = NULL;
	struct cursor result = { NULL, NULL };
	struct op_row row;
	int status = CTL_LOCAL;

	if (args->words_n < 1 || args->words_n > 2)
		return ctl_usage(ctl, "usage: vaultctl call METHOD [JSON | @FILE | -]");
	row = row_of(args->words[0]);
	if (args->words_n < 2 || read_params(ctl, args->words[1], &params))
		status = ctl_connect(ctl, &row, &vault);
	if (status == CTL_DONE)
		status = command_call(ctl, &row, vault,
				      (struct vault_map){ buf_data(&params), buf_len(&params) },
				      &result);
	if (status == CTL_DONE)
		status = show_call(ctl, &row, result);
	buf_free(&params);
	vault_close(vault);
	return status;
}

static void
method_line(struct cursor item)
{
	struct cursor name, class;
	struct vault_text n, c;
	const struct op_row *row;

	if (!show_entry(item, "name", &name) || !cursor_str(&name, &n) ||
	    !show_entry(item, "class", &class) || !cursor_str(&class, &c))
		return;
	row = op_find(n);
	printf("%-18.*s %-6.*s %s\n", (int)n.len, n.p, (int)c.len, c.p,
	       row == NULL ? "(newer than this vaultctl; use call)" : row->summary);
}

static void
method_lines(struct cursor result)
{
	struct vault_bytes raw;
	struct cursor items;
	uint32_t n;

	if (!show_entry(result, "items", &items) || !cursor_array(&items, &n))
		return;
	for (uint32_t i = 0; i < n && cursor_skip(&items, &raw); i++)
		method_line((struct cursor){ raw.p, raw.p + raw.len });
}

int
run_methods(struct ctl *ctl, struct args *args)
{
	const struct op_row *row = &op_rows[OP_sys_methods];
	struct cursor result = { NULL, NULL };
	struct vault *vault;
	int status;

	if (args->n > 0 || args->words_n > 0)
		return ctl_usage(ctl, "methods takes no arguments");
	status = ctl_connect(ctl, row, &vault);
	if (status == CTL_DONE)
		status = command_call(ctl, row, vault, (struct vault_map){ NULL, 0 }, &result);
	if (status == CTL_DONE && ctl->format == CTL_JSON)
		json_print(stdout, &result, NULL, false);
	else if (status == CTL_DONE)
		method_lines(result);
	vault_close(vault);
	return status;
}
