#include "protocol/error.h"

#include <string.h>

struct error_row {
	const char *code;
	const char *message;
	bool retryable;
};

static const struct error_row error_rows[VAULT_ERR_COUNT] = {
	[VAULT_OK] = { "ok", "ok", false },
#define ERROR(constant, code, retryable, message) [VAULT_##constant] = { code, message, retryable },
#include "protocol/errors.def"
#undef ERROR
};

static const struct error_row *
error_row(enum vault_err err)
{
	return &error_rows[(unsigned)err < VAULT_ERR_COUNT ? err : VAULT_INTERNAL];
}

enum vault_err
fail_with(struct fail *fail, enum vault_err code, const char *field, const char *message)
{
	if (fail == NULL)
		return code;
	*fail = (struct fail){ .message = message };
	if (field != NULL) {
		size_t len = strlen(field);

		if (len > FAIL_FIELD_MAX)
			len = FAIL_FIELD_MAX;
		memcpy(fail->field, field, len);
		fail->field[len] = '\0';
	}
	return code;
}

const char *
vault_err_code(enum vault_err err)
{
	return error_row(err)->code;
}

const char *
vault_err_message(enum vault_err err)
{
	return error_row(err)->message;
}

bool
vault_err_retryable(enum vault_err err)
{
	return error_row(err)->retryable;
}

enum vault_err
vault_err_from_code(struct vault_text code)
{
	for (int i = 0; i < VAULT_ERR_COUNT; i++)
		if (strlen(error_rows[i].code) == code.len &&
		    memcmp(error_rows[i].code, code.p, code.len) == 0)
			return (enum vault_err)i;
	return VAULT_INTERNAL;
}
