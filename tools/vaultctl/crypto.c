/*
 * crypto encrypt, decrypt, rewrap: made for pipes. A ciphertext is printed in base64url, and read as
 * that or as its bytes; a plaintext is printed as it is.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/show.h"
#include "tools/vaultctl/source.h"

#define FORMAT 1 /* the first byte of a ciphertext; its base64url begins with a letter */

static bool
from_stdin(const struct ctl *ctl, struct args *args, const char *name)
{
	return args_given(args, name) || args_add(ctl, args, name, "-");
}

/* What is read stands in out as bytes, however it was written. */
static void
undo_base64(struct buf *read, struct buf *out)
{
	struct vault_text text = { (const char *)buf_data(read), buf_len(read) };
	bool text_form = text.len > 0 && text.p[0] != FORMAT;

	while (text_form && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == '\r'))
		text_form = --text.len > 0;
	if (text_form && base64url_read(out, text)) {
		buf_free(read);
		return;
	}
	buf_free(out);
	*out = *read;
	*read = (struct buf){ 0 };
}

/* Reads the ciphertext here, in place of where its field says it comes from. */
static bool
take_ciphertext(struct ctl *ctl, struct args *args)
{
	if (!from_stdin(ctl, args, "ciphertext"))
		return false;
	for (size_t i = 0; i < args->n; i++) {
		struct arg *arg = &args->v[i];
		struct buf read = { 0 };

		if (strcmp(arg->field->name, "ciphertext") != 0)
			continue;
		if (!source_is(arg->text)) {
			ctl_usage(ctl, "--ciphertext comes from stdin (-) or @FILE");
			return false;
		}
		if (!source_read(ctl, arg->field, arg->text, &read)) {
			buf_free(&read);
			return false;
		}
		undo_base64(&read, &arg->secret);
		arg->text = NULL;
	}
	return true;
}

static int
print_plaintext(struct ctl *ctl, struct cursor result)
{
	struct vault_bytes plain;
	struct cursor value;

	if (!show_entry(result, "plaintext", &value) || !cursor_bytes(&value, &plain))
		return ctl_local(ctl, "the daemon's answer holds no plaintext");
	if (ctl_on_terminal() && !ctl->show)
		return ctl_local(ctl, "a plaintext is not printed on a terminal: give --show, or "
				      "redirect the output");
	return fwrite(plain.p, 1, plain.len, stdout) == plain.len ? CTL_DONE : CTL_LOCAL;
}

static int
decrypt(struct ctl *ctl, struct args *args)
{
	struct cursor result = { NULL, NULL };
	struct vault *vault;
	int status = command_ask(ctl, args, &vault, &result);

	if (status == CTL_DONE)
		status = print_plaintext(ctl, result);
	vault_close(vault);
	return status;
}

int
run_crypto_encrypt(struct ctl *ctl, struct args *args)
{
	return from_stdin(ctl, args, "plaintext") ? command_run(ctl, args) : CTL_LOCAL;
}

int
run_crypto_rewrap(struct ctl *ctl, struct args *args)
{
	return take_ciphertext(ctl, args) ? command_run(ctl, args) : CTL_LOCAL;
}

int
run_crypto_decrypt(struct ctl *ctl, struct args *args)
{
	if (!take_ciphertext(ctl, args))
		return CTL_LOCAL;
	return ctl->format == CTL_JSON ? command_run(ctl, args) : decrypt(ctl, args);
}
