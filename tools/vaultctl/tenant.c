/*
 * tenant rekey and tenant erase: what goes on in the daemon behind the answer is waited for.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "protocol/text.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/progress.h"
#include "tools/vaultctl/show.h"

#define POLL_MS 100

const struct extra tenant_rekey_extras[] = {
	{ "no-wait", NULL, "do not wait until every row is sealed again" },
	{ NULL, NULL, NULL },
};
const struct extra tenant_erase_extras[] = {
	{ "no-wait", NULL, "do not wait until rows and pages are overwritten" },
	{ NULL, NULL, NULL },
};

static void
rest(void)
{
	const struct timespec time = { .tv_nsec = POLL_MS * 1000000L };

	nanosleep(&time, NULL);
}

/* The tenant that the command line or the environment named. */
static struct vault_text
tenant_of(const struct ctl *ctl, const struct args *args)
{
	for (size_t i = 0; i < args->n; i++)
		if (args->v[i].field->kind == FIELD_TENANT)
			return vault_text(args->v[i].text);
	return vault_text(ctl->tenant);
}

static int
wait_rekeyed(struct ctl *ctl, struct vault *vault, struct vault_text tenant)
{
	struct vault_tenant_get_req req = { .tenant = tenant };
	struct vault_tenant_get_res res;
	struct bar_at at = { 0 };

	ctl_bar(ctl, NULL, "rows");
	for (;;) {
		enum vault_err err = vault_tenant_get(vault, &req, &res);

		if (err == VAULT_SUSPENDED) {
			ctl_note(ctl, "The tenant is suspended; sys.status tells when it is done.");
			return CTL_DONE;
		}
		if (err != VAULT_OK)
			return ctl_failed(ctl, vault, op_find(TEXT_LITERAL("tenant.get")));
		if (res.rekey == NULL)
			break;
		at.done = (uint64_t)res.rekey->done;
		at.total = (uint64_t)res.rekey->total;
		bar_show(&ctl->bar, &at);
		rest();
	}
	bar_end(&ctl->bar);
	ctl_note(ctl, "Every row is sealed under the new key.");
	return CTL_DONE;
}

int
run_tenant_rekey(struct ctl *ctl, struct args *args)
{
	struct cursor result = { NULL, NULL };
	struct vault *vault;
	int status = command_ask(ctl, args, &vault, &result);

	if (status == CTL_DONE && args_extra(args, "no-wait") == NULL)
		status = wait_rekeyed(ctl, vault, tenant_of(ctl, args));
	vault_close(vault);
	return status;
}

/* Its rows go first, and nobody knows how many are left; then the pages that they stood in. */
static void
show_erasure(struct bar *bar, const struct vault_sys_status_res *status)
{
	const struct vault_work_status *work = progress_of(status, TEXT_LITERAL("tenant.erase"));
	struct bar_at at = { .done = work == NULL ? 0 : (uint64_t)work->done };

	if (work != NULL)
		bar_name(bar, TEXT_LITERAL("removing"), work->unit);
	else
		bar_name(bar, TEXT_LITERAL("overwriting freed pages"), TEXT_LITERAL(""));
	bar_show(bar, &at);
}

static int
wait_erased(struct ctl *ctl, struct vault *vault)
{
	struct vault_sys_status_req req = { 0 };
	struct vault_sys_status_res res;

	ctl_bar(ctl, NULL, NULL);
	for (;;) {
		if (vault_sys_status(vault, &req, &res) != VAULT_OK)
			return ctl_failed(ctl, vault, op_find(TEXT_LITERAL("sys.status")));
		if (res.background == NULL || res.background->erasures == 0)
			break;
		show_erasure(&ctl->bar, &res);
		rest();
	}
	bar_end(&ctl->bar);
	ctl_note(ctl, "Its rows are gone, and the pages they stood in are overwritten.");
	return CTL_DONE;
}

/* The certificate is what is to be kept; the rest is for people. */
static int
show_certificate(struct ctl *ctl, struct cursor result)
{
	const struct op_row *row = op_find(TEXT_LITERAL("tenant.erase"));
	struct cursor value, backups;
	struct vault_text text;
	uint32_t n;

	if (ctl->format == CTL_JSON) {
		json_print(stdout, &result, row->result(), false);
		return CTL_DONE;
	}
	if (!show_entry(result, "certificate", &value) || !cursor_str(&value, &text) ||
	    !show_entry(result, "backups", &backups) || !cursor_array(&backups, &n))
		return ctl_local(ctl, "the daemon's answer holds no certificate");
	fwrite(text.p, 1, text.len, stdout);
	if (fflush(stdout) != 0)
		return ctl_local(ctl, "the certificate could not be written");
	if (n > 0)
		ctl_note(ctl, "%u backup%s its key still; the certificate names %s.", (unsigned)n,
			 n == 1 ? " holds" : "s hold", n == 1 ? "it" : "them");
	return CTL_DONE;
}

int
run_tenant_erase(struct ctl *ctl, struct args *args)
{
	struct cursor result = { NULL, NULL };
	struct vault *vault;
	int status = command_ask(ctl, args, &vault, &result);

	if (status == CTL_DONE)
		status = show_certificate(ctl, result);
	if (status == CTL_DONE && args_extra(args, "no-wait") == NULL)
		status = wait_erased(ctl, vault);
	vault_close(vault);
	return status;
}
