#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base32.h"
#include "vaultd/core/page.h"
#include "vaultd/core/totp.h"
#include "vaultd/crypto/mac.h"
#include "vaultd/crypto/totp.h"

#define URI_MAX 512	    /* bytes: 110, and a label or principal whose bytes may become three */
#define HALF_CODE 100000000 /* a recovery code is two numbers below it */

/* Canonical, because auth.totp looks for what the kernel's number is written as. */
static bool
is_user(struct vault_text t)
{
	uint64_t uid = 0;

	if (t.len < 5 || t.len > 14 || memcmp(t.p, "uid:", 4) != 0 || (t.p[4] == '0' && t.len > 5))
		return false;
	for (size_t i = 4; i < t.len; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
		uid = uid * 10 + (uint64_t)(t.p[i] - '0');
	}
	/* The highest number is no user's: system calls read it as "none". */
	return uid < UINT32_MAX;
}

/* "key:TENANT/ID" */
static bool
is_api_key(struct vault_text t)
{
	struct vault_text tenant, id;
	const char *slash;

	if (t.len < 4 || memcmp(t.p, "key:", 4) != 0)
		return false;
	slash = memchr(t.p, '/', t.len);
	if (slash == NULL)
		return false;
	tenant = (struct vault_text){ t.p + 4, (size_t)(slash - t.p) - 4 };
	id = (struct vault_text){ slash + 1, t.len - 4 - tenant.len - 1 };
	return text_tenant_name(tenant) && text_name(id);
}

/* Apps show a label as it is, and take what stands before a colon for the issuer. */
static bool
is_label(struct vault_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.p[i];
		bool c1 = c == 0xc2 && i + 1 < t.len && (unsigned char)t.p[i + 1] < 0xa0;

		if (c < 0x20 || c == 0x7f || c == ':' || c1)
			return false;
	}
	return true;
}

static enum vault_err
check_request(struct op *op, const struct totp_enroll_req *req)
{
	if (!is_user(req->principal) && !is_api_key(req->principal))
		return op_fail(op, VAULT_INVALID_PARAMS, "principal", "uid:N or key:TENANT/ID");
	if (req->label.p != NULL && !is_label(req->label))
		return op_fail(op, VAULT_INVALID_PARAMS, "label",
			       "a label has no colon and no control characters");
	return VAULT_OK;
}

/* What of the label's bytes RFC 3986 section 2.3 does not leave alone becomes %XX. */
static size_t
put_label(char *out, struct vault_text label)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";
	size_t n = 0;

	for (size_t i = 0; i < label.len; i++) {
		if (memchr(plain, label.p[i], sizeof plain - 1) != NULL)
			out[n++] = label.p[i];
		else
			n += (size_t)snprintf(out + n, 4, "%%%02X", (unsigned char)label.p[i]);
	}
	return n;
}

/* Without a label the principal stands there, its colon as a hyphen. */
static size_t
put_principal(char *out, struct vault_text principal)
{
	size_t n = put_label(out, (struct vault_text){ principal.p, 3 });

	out[n++] = '-';
	return n + put_label(out + n, (struct vault_text){ principal.p + 4, principal.len - 4 });
}

static size_t
put_text(char *out, struct vault_text text)
{
	memcpy(out, text.p, text.len);
	return text.len;
}

/* In the operation's memory, which is wiped behind a reply that holds a secret. */
static enum vault_err
make_uri(struct op *op, const struct totp_record *record, struct vault_text *uri)
{
	char *text = scratch_alloc(op->scratch, URI_MAX);
	size_t n;

	if (text == NULL)
		return VAULT_BUSY;
	n = put_text(text, TEXT_LITERAL("otpauth://totp/vaultd:"));
	n += record->label.p != NULL ? put_label(text + n, record->label)
				     : put_principal(text + n, record->principal);
	n += put_text(text + n, TEXT_LITERAL("?secret="));
	n += base32_encode_secret(record->secret.p, record->secret.len, text + n);
	n += put_text(text + n, TEXT_LITERAL("&issuer=vaultd&algorithm=SHA1&digits=6&period=30"));
	*uri = (struct vault_text){ text, n };
	return VAULT_OK;
}

/* tags: room for all of them. */
static enum vault_err
make_recovery(struct op *op, const uint8_t salt[static TOTP_SALT_BYTES], uint8_t *tags,
	      struct vault_texts *codes)
{
	struct vault_text *list = scratch_alloc(op->scratch, TOTP_RECOVERY_CODES * sizeof *list);
	char *text = scratch_alloc(op->scratch, TOTP_RECOVERY_CODES * (TOTP_RECOVERY_DIGITS + 1));
	struct totp_recovery_text tagged;
	struct mac_key key;

	if (list == NULL || text == NULL)
		return VAULT_BUSY;
	TRY(totp_recovery_key(op, &key));
	memcpy(tagged.salt, salt, sizeof tagged.salt);
	for (unsigned i = 0; i < TOTP_RECOVERY_CODES; i++, text += TOTP_RECOVERY_DIGITS + 1) {
		snprintf(text, TOTP_RECOVERY_DIGITS + 1, "%08" PRIu32 "%08" PRIu32,
			 random_below(HALF_CODE), random_below(HALF_CODE));
		list[i] = (struct vault_text){ text, TOTP_RECOVERY_DIGITS };
		memcpy(tagged.code, text, sizeof tagged.code);
		mac_once(&key, (struct vault_bytes){ (uint8_t *)&tagged, sizeof tagged },
			 tags + (size_t)i * TOTP_TAG_BYTES);
	}
	mac_key_free(&key);
	secret_wipe(&tagged, sizeof tagged);
	*codes = (struct vault_texts){ list, TOTP_RECOVERY_CODES };
	return VAULT_OK;
}

enum vault_err
totp_enroll(struct op *op, const struct totp_enroll_req *req, struct totp_enroll_res *res)
{
	const struct row_keys *store = &op->vault->keyring.store;
	uint8_t salt[TOTP_SALT_BYTES], tags[TOTP_RECOVERY_CODES * TOTP_TAG_BYTES];
	struct totp_record record = { .principal = req->principal,
				      .label = req->label,
				      .salt = { salt, sizeof salt },
				      .recovery = { tags, sizeof tags },
				      .recovery_left = TOTP_RECOVERY_CODES,
				      .created_at = op->now.wall };
	struct row_key place = totp_place(op, req->principal);
	enum vault_err err;
	SECRET_LOCAL(secret);
	ROW_LOCAL(row);

	TRY(check_request(op, req));
	TRY(secret_random(op->vault->arena, TOTP_SECRET_BYTES, &secret));
	record.secret = (struct vault_bytes){ secret.p, secret.len };
	random_bytes(salt, sizeof salt);
	TRY(make_recovery(op, salt, tags, &res->recovery));
	TRY(make_uri(op, &record, &res->uri));
	err = sealed_find(op->txn, store, &place, &row);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	row.key = place;
	return sealed_put(op->change, store, &row, totp_record_type(), &record);
}

enum vault_err
totp_remove(struct op *op, struct vault_text principal)
{
	struct row_key place = totp_place(op, principal);
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->vault->keyring.store, &place, &row);
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "principal", "it has no one-time codes");
	TRY(err);
	return sealed_delete(op->change, &row);
}

static enum vault_err
show_row(struct op *op, const struct row *row, void *item)
{
	struct totp_record record;
	struct totp_item *shown = item;

	TRY(record_decode(totp_record_type(), row_plain(row), op->scratch, &record));
	*shown = (struct totp_item){ .created_at = record.created_at,
				     .last_used_at = record.last_used_at,
				     .recovery_left = record.recovery_left };
	TRY(op_keep_text(op, record.principal, &shown->principal));
	return op_keep_text(op, record.label, &shown->label);
}

enum vault_err
totp_page(struct op *op, const struct totp_list_req *req, struct totp_list_res *res)
{
	struct page page = { .op = op,
			     .keys = &op->vault->keyring.store,
			     .kind = ROW_TOTP,
			     .item = totp_item_type(),
			     .make = show_row,
			     .limit = req->limit.v,
			     .cursor = req->cursor };
	struct object_list items = { 0 };

	TRY(page_walk(&page, &items, &res->cursor));
	res->items.v = items.v;
	res->items.n = items.n;
	return VAULT_OK;
}
