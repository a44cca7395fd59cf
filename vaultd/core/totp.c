#include "vaultd/core/totp.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/lockout.h"
#include "vaultd/core/session.h"
#include "vaultd/crypto/kdf.h"
#include "vaultd/crypto/mac.h"
#include "vaultd/crypto/totp.h"

#define RECOVERY_LABEL "vaultd totp recovery"
#define WINDOW_STEPS 1	    /* to either side: clocks differ, and typing takes time */
#define DECOY_ROW_BYTES 420 /* plain bytes of a record with a short label */

_Static_assert(sizeof(struct totp_recovery_text) == TOTP_SALT_BYTES + TOTP_RECOVERY_DIGITS,
	       "tagged without padding");

/* A code that is being tried: the record it is tried against, and what becomes of that. */
struct attempt {
	struct op *op;
	struct vault_text code;
	struct row row;
	struct totp_record record;
	uint8_t recovery[TOTP_RECOVERY_CODES * TOTP_TAG_BYTES];
};

struct row_key
totp_place(const struct op *op, struct vault_text principal)
{
	return row_key_of(&op->vault->keyring.store, ROW_TOTP, text_bytes(principal));
}

/*
 * Of the name key, because that one stays for ever: the record key, under which the tags lie
 * sealed, may be replaced.
 */
enum vault_err
totp_recovery_key(const struct op *op, struct mac_key *key)
{
	SECRET_LOCAL(derived);

	TRY(secret_new(op->vault->arena, KDF_KEY_BYTES, &derived));
	kdf_derive(op->vault->keyring.store.name.p, RECOVERY_LABEL, derived.p);
	return mac_key_init(key, op->vault->arena, MAC_SHA256,
			    (struct vault_bytes){ derived.p, derived.len });
}

/*
 * Who has no secret is tried against one that nobody has, so that neither the answer nor its time
 * tells who has one: a tag is never all zeros.
 */
static enum vault_err
take_decoy(struct attempt *a)
{
	static const uint8_t zeros[sizeof a->recovery];

	a->record = (struct totp_record){ .secret = { zeros, TOTP_SECRET_BYTES },
					  .last_step = INT64_MAX,
					  .salt = { zeros, TOTP_SALT_BYTES },
					  .recovery = { zeros, sizeof a->recovery } };
	return sealed_find_none(&a->op->vault->keyring.store, DECOY_ROW_BYTES);
}

static enum vault_err
find_record(struct attempt *a, struct vault_text principal)
{
	const struct row_keys *store = &a->op->vault->keyring.store;
	struct row_key key = totp_place(a->op, principal);
	enum vault_err err = sealed_find(a->op->txn, store, &key, &a->row);

	if (err == VAULT_NOT_FOUND)
		return take_decoy(a);
	TRY(err);
	TRY(record_decode(totp_record_type(), row_plain(&a->row), a->op->scratch, &a->record));
	return text_equal(a->record.principal, principal) &&
			       a->record.recovery.len == sizeof a->recovery &&
			       a->record.salt.len == TOTP_SALT_BYTES
		       ? VAULT_OK
		       : VAULT_INTEGRITY;
}

/*
 * A step counts once, and none before one that counted (RFC 6238 section 5.2), also after the clock
 * was set back. Where two steps have the same code the later one is used up.
 */
static enum vault_err
try_step(struct attempt *a, bool *right)
{
	int64_t now = a->op->now.wall / TOTP_STEP_SECONDS, used = 0;

	for (int64_t step = now - WINDOW_STEPS; step <= now + WINDOW_STEPS; step++) {
		bool equal;

		TRY(totp_check(a->record.secret, (uint64_t)step, a->code, &equal));
		if (equal && step > a->record.last_step)
			used = step;
	}
	*right = used > 0;
	if (*right)
		op_note_again(a->op, TOTP_AGAIN_STEP);
	a->record.last_step = used;
	return VAULT_OK;
}

/* All tags are looked at, whichever is right. */
static enum vault_err
try_recovery(struct attempt *a, bool *right)
{
	struct totp_recovery_text text;
	struct mac_key key;

	TRY(totp_recovery_key(a->op, &key));
	memcpy(text.salt, a->record.salt.p, sizeof text.salt);
	memcpy(text.code, a->code.p, sizeof text.code);
	memcpy(a->recovery, a->record.recovery.p, sizeof a->recovery);
	*right = false;
	for (unsigned i = 0; i < TOTP_RECOVERY_CODES; i++) {
		uint8_t *tag = a->recovery + (size_t)i * TOTP_TAG_BYTES;

		if (!mac_check(&key, (struct vault_bytes){ (uint8_t *)&text, sizeof text },
			       (struct vault_bytes){ tag, TOTP_TAG_BYTES }))
			continue;
		*right = true;
		op_note_again(a->op, i);
		memset(tag, 0, TOTP_TAG_BYTES);
	}
	a->record.recovery.p = a->recovery;
	a->record.recovery_left--;
	mac_key_free(&key);
	secret_wipe(&text, sizeof text);
	return VAULT_OK;
}

static enum vault_err
try_code(struct attempt *a, struct vault_text principal)
{
	bool right = false;

	TRY(find_record(a, principal));
	TRY(a->code.len == TOTP_DIGITS ? try_step(a, &right) : try_recovery(a, &right));
	if (!right)
		return VAULT_DENIED;
	a->record.last_used_at = (struct vault_opt_int){ a->op->now.wall, true };
	return sealed_put(a->op->change, &a->op->vault->keyring.store, &a->row, totp_record_type(),
			  &a->record);
}

/* Six digits of an app, or a recovery code: ASCII, and nothing around them. */
static enum vault_err
check_form(struct op *op, struct vault_text code)
{
	bool ok = code.len == TOTP_DIGITS || code.len == TOTP_RECOVERY_DIGITS;

	for (size_t i = 0; ok && i < code.len; i++)
		ok = code.p[i] >= '0' && code.p[i] <= '9';
	return ok ? VAULT_OK
		  : op_fail(op, VAULT_INVALID_PARAMS, "code",
			    "a code is 6 digits, a recovery code 16, and nothing else");
}

/*
 * A wrong code answers an error, and an error changes nothing that a caller asked for. The failure
 * counts all the same: in memory at once, and the one that locks as a row which lockout_failed asks
 * the committer to keep.
 */
enum vault_err
totp_accept(struct op *op, struct vault_text code)
{
	char text[PRINCIPAL_MAX + 1];
	struct vault_text principal = { text, 0 };
	struct attempt attempt = { .op = op, .code = code };
	struct lockout_id id;
	enum vault_err err;

	TRY(check_form(op, code));
	session_principal(op->session, text);
	principal.len = strlen(text);
	id = lockout_id_of(LOCKOUT_TOTP, 0, text_bytes(principal), (struct vault_text){ 0 });
	TRY(lockout_check(op, &id));
	err = try_code(&attempt, principal);
	row_free(&attempt.row);
	if (err == VAULT_DENIED)
		TRY(lockout_failed(op, &id, &LOCKOUT_DEFAULT));
	TRY(err);
	lockout_succeeded(op, &id);
	op->effects.mfa_session = op->session;
	op->effects.mfa_until_ms = op->now.boot_ms + SESSION_MFA_MS;
	return VAULT_OK;
}
