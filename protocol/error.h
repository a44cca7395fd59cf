/*
 * The one result type. A function that can fail returns enum vault_err, which must be looked at; on
 * anything but VAULT_OK its outputs are untouched.
 */
#ifndef PROTOCOL_ERROR_H
#define PROTOCOL_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/types.h"

enum vault_err {
	VAULT_OK = 0,
#define ERROR(constant, code, retryable, message) VAULT_##constant,
#include "protocol/errors.def"
#undef ERROR
	VAULT_ERR_COUNT
};

#define MUST_USE __attribute__((warn_unused_result))

/* The only macro that hides control flow. */
#define TRY(expression)                                                                            \
	do {                                                                                       \
		enum vault_err try_err_ = (expression);                                            \
		if (try_err_ != VAULT_OK)                                                          \
			return try_err_;                                                           \
	} while (0)

/* The longest field name an error repeats. */
#define FAIL_FIELD_MAX 64

/*
 * Why something failed, for the one who asked. message is a string constant (NULL: the code's own);
 * field is a copy, so that a peer's unknown field name can be told back; retry_after_ms is 0 where
 * there is none.
 */
struct fail {
	const char *message;
	int64_t retry_after_ms;
	char field[FAIL_FIELD_MAX + 1];
};

/*
 * Fills *fail (which may be NULL) and returns code, so that a failing line reads "return
 * fail_with(...)".
 */
enum vault_err fail_with(struct fail *fail, enum vault_err code, const char *field,
			 const char *message);

/*
 * The contract's word for a code ("ok" for VAULT_OK), its default message, and whether asking again
 * can help.
 */
const char *vault_err_code(enum vault_err err);
const char *vault_err_message(enum vault_err err);
bool vault_err_retryable(enum vault_err err);

/* The code a contract word names; VAULT_INTERNAL for a word this build does not know. */
enum vault_err vault_err_from_code(struct vault_text code);

#endif
