#include <string.h>

#include "client/handle.h"
#include "protocol/text.h"

struct local_row {
	const char *code;
	enum vault_err err;
	bool gives_up;
	bool retryable;
};

static const struct local_row local_rows[] = {
	[VAULT_LOCAL_NONE] = { "internal", VAULT_INTERNAL, false, false },
	[VAULT_LOCAL_CONNECT] = { "connect", VAULT_INTERNAL, true, true },
	[VAULT_LOCAL_LOST] = { "lost", VAULT_INTERNAL, true, false },
	[VAULT_LOCAL_TIMEOUT] = { "timeout", VAULT_INTERNAL, true, false },
	[VAULT_LOCAL_REPLY] = { "reply", VAULT_INTERNAL, true, false },
	[VAULT_LOCAL_MEMORY] = { "memory", VAULT_BUSY, false, true },
	[VAULT_LOCAL_USE] = { "use", VAULT_INVALID_REQUEST, false, false },
};

/* Copies at most max bytes of text, ending between characters; the destination has one byte more.
 */
static void
copy_text(char *to, size_t max, struct vault_text t)
{
	size_t len = t.len < max ? t.len : max;

	while (len > 0 && !text_utf8(t.p, len))
		len--;
	if (len > 0)
		memcpy(to, t.p, len);
	to[len] = '\0';
}

static void
point_at_copies(struct vault *v)
{
	v->failure.code = v->failure_code;
	v->failure.message = v->failure_message;
	v->failure.field = v->failure_field;
}

enum vault_err
client_fail(struct vault *v, enum vault_local local, int sys_errno, const char *message)
{
	const struct local_row *row = &local_rows[local];

	v->failure = (struct vault_failure){
		.err = row->err, .local = local, .retryable = row->retryable, .sys_errno = sys_errno
	};
	copy_text(v->failure_code, FAILURE_CODE_MAX, text_of(row->code));
	copy_text(v->failure_message, FAILURE_MESSAGE_MAX, text_of(message));
	v->failure_field[0] = '\0';
	point_at_copies(v);
	if (row->gives_up)
		client_disconnect(v);
	return row->err;
}

struct remote_error {
	struct vault_text code;
	struct vault_text message;
	struct vault_text field;
	int64_t retry_after_ms;
};

/* {code, message, field?, retry_after_ms?} and whatever a newer daemon adds. */
static bool
read_error(struct cursor c, struct remote_error *e)
{
	uint32_t n;

	*e = (struct remote_error){ 0 };
	if (!cursor_map(&c, &n))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct vault_text key;
		bool taken = false;

		if (!cursor_str(&c, &key))
			return false;
		if (text_is(key, "code"))
			taken = cursor_str(&c, &e->code);
		else if (text_is(key, "message"))
			taken = cursor_str(&c, &e->message);
		else if (text_is(key, "field"))
			taken = cursor_str(&c, &e->field);
		else if (text_is(key, "retry_after_ms"))
			taken = cursor_int(&c, &e->retry_after_ms);
		if (!taken && !cursor_skip(&c, NULL))
			return false;
	}
	return e->code.p != NULL;
}

enum vault_err
client_fail_remote(struct vault *v, struct cursor error)
{
	struct remote_error e;
	enum vault_err err;

	if (!read_error(error, &e))
		return client_fail(v, VAULT_LOCAL_REPLY, 0, "the daemon's error is not understood");
	/* A word that is newer than this build is still told; "ok" is no error at all. */
	err = vault_err_from_code(e.code);
	if (err == VAULT_OK)
		err = VAULT_INTERNAL;
	v->failure = (struct vault_failure){ .err = err,
					     .retry_after_ms = e.retry_after_ms,
					     .retryable = vault_err_retryable(err) };
	copy_text(v->failure_code, FAILURE_CODE_MAX, e.code);
	copy_text(v->failure_message, FAILURE_MESSAGE_MAX,
		  e.message.len > 0 ? e.message : text_of(vault_err_message(err)));
	copy_text(v->failure_field, FAIL_FIELD_MAX, e.field);
	point_at_copies(v);
	return err;
}

const struct vault_failure *
vault_error(const struct vault *v)
{
	static const struct vault_failure no_memory = {
		.err = VAULT_BUSY,
		.local = VAULT_LOCAL_MEMORY,
		.code = "memory",
		.message = "memory is short",
		.field = "",
		.retryable = true,
	};
	static const struct vault_failure none = { .code = "ok",
						   .message = "nothing has failed",
						   .field = "" };

	if (v == NULL)
		return &no_memory;
	return v->failure.code == NULL ? &none : &v->failure;
}
