#include "vaultd/core/certificate.h"

#include "protocol/text.h"

#define FIRST_LINE "vaultd-erasure-1"

enum vault_err
certificate_write(const struct ed25519_key *identity, const struct certificate *certificate,
		  struct buf *out)
{
	struct vault_bytes store = { certificate->store_id, sizeof certificate->store_id };

	TRY(buf_append(out, FIRST_LINE "\n", sizeof FIRST_LINE));
	TRY(signed_text_hex(out, "store", store));
	TRY(signed_text_line(out, "tenant", certificate->tenant));
	TRY(signed_text_number(out, "number", certificate->number));
	TRY(signed_text_time(out, "erased_at", certificate->erased_at));
	TRY(buf_append(out, certificate->more.p, certificate->more.len));
	return signed_text_end(out, identity);
}

enum vault_err
certificate_read(struct vault_text text, const uint8_t public_key[static ED25519_PUBLIC_BYTES],
		 struct certificate *certificate)
{
	struct certificate read = { 0 };
	struct vault_text lines;
	int64_t number;

	TRY(signed_text_check(text, FIRST_LINE, public_key, &lines));
	TRY(signed_text_take_hex(&lines, "store", read.store_id, sizeof read.store_id));
	TRY(signed_text_take(&lines, "tenant", &read.tenant));
	TRY(signed_text_take_number(&lines, "number", UINT32_MAX, &number));
	TRY(signed_text_take_time(&lines, "erased_at", &read.erased_at));
	if (!text_tenant_name(read.tenant) || number == 0)
		return VAULT_INTEGRITY;
	read.number = (uint32_t)number;
	read.more = lines;
	*certificate = read;
	return VAULT_OK;
}
