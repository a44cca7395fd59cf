#include "tools/vaultctl/totp.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/vaultctl/command.h"
#include "tools/vaultctl/qr.h"
#include "tools/vaultctl/show.h"
#include "tools/vaultctl/source.h"

#define PROMPT "One-time code: "
#define URI_MAX 512 /* bytes, as totp.enroll bounds it */
#define CODES_A_LINE 2

static bool
read_code(struct ctl *ctl, struct buf *code)
{
	static const struct field field = { .name = "totp", .kind = FIELD_TEXT, .flags = F_SECRET };

	if (ctl->totp != NULL && ctl->totp[0] != '\0')
		return source_read(ctl, &field, ctl->totp, code);
	return source_ask(ctl, PROMPT, code);
}

int
totp_give(struct ctl *ctl, struct vault *vault)
{
	const struct op_row *row = &op_rows[OP_auth_totp];
	struct buf code = { 0 };
	struct vault_auth_totp_req req;
	struct vault_auth_totp_res res;
	int status = CTL_LOCAL;

	if (read_code(ctl, &code)) {
		req.code = (struct vault_text){ (const char *)buf_data(&code), buf_len(&code) };
		status = vault_auth_totp(vault, &req, &res) == VAULT_OK
				 ? CTL_DONE
				 : ctl_failed(ctl, vault, row);
	}
	buf_free(&code);
	return status;
}

bool
totp_can_ask(const struct ctl *ctl)
{
	return ctl->totp == NULL && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

int
run_auth_totp(struct ctl *ctl, struct args *args)
{
	struct buf code = { 0 };
	bool asked = args_given(args, "code") || isatty(STDIN_FILENO) != 1;
	int status = CTL_LOCAL;

	if (asked ? args_given(args, "code") || args_add(ctl, args, "code", "-")
		  : source_ask(ctl, PROMPT, &code) && args_add_secret(ctl, args, "code", &code))
		status = command_run(ctl, args);
	buf_free(&code);
	if (status == CTL_DONE && ctl->format == CTL_TABLE)
		ctl_note(ctl, "The code counted on this command's own connection, which has ended. "
			      "A command that needs one\ntakes it with --totp, or asks for it.");
	return status;
}

static void
show_recovery(struct cursor codes)
{
	struct vault_text code;
	uint32_t n;

	if (!cursor_array(&codes, &n))
		return;
	puts("\nRecovery codes, for the day the device is lost; each counts once:\n");
	for (uint32_t i = 0; i < n && cursor_str(&codes, &code); i++)
		printf("   %.*s%s", (int)code.len, code.p,
		       (i + 1) % CODES_A_LINE == 0 || i + 1 == n ? "\n" : "");
}

void
totp_show(const struct ctl *ctl, struct cursor result)
{
	struct cursor value;
	struct vault_text uri;
	char text[URI_MAX + 1];

	if (!show_entry(result, "uri", &value) || !cursor_str(&value, &uri) || uri.len > URI_MAX)
		return;
	snprintf(text, sizeof text, "%.*s", (int)uri.len, uri.p);
	if (!qr_draw(stdout, text, ctl_colours()))
		ctl_note(ctl, "The QR code could not be drawn.");
	printf("\n%s\n", text);
	explicit_bzero(text, sizeof text);
	if (show_entry(result, "recovery", &value))
		show_recovery(value);
	ctl_note(ctl,
		 "\nScan the code with an authenticator app, or give it the text. None of this "
		 "can be shown again.");
}
