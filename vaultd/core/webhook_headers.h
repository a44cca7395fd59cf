/*
 * The headers that carry a webhook message's signatures, by scheme: reading them, and writing them.
 * They come from strangers: everything about them is bounded, and nothing in them is trusted.
 */
#ifndef CORE_WEBHOOK_HEADERS_H
#define CORE_WEBHOOK_HEADERS_H

#include "vaultd/core/op.h"

#define WEBHOOK_SIGNATURES_MAX 8   /* made, or looked at, for one message */
#define WEBHOOK_SIGNATURE_BYTES 64 /* of the longest: Ed25519's */
#define WEBHOOK_HEADER_MAX 4096	   /* bytes of a header's value that is looked at */
#define WEBHOOK_TIMESTAMP_MAX 12   /* digits of TIME_MAX */

/* An HMAC-SHA256 of 32 bytes, or an Ed25519 signature of 64. */
struct webhook_signature {
	uint8_t bytes[WEBHOOK_SIGNATURE_BYTES];
	size_t len;
};

/* What headers say. id and timestamp are absent in schemes that have none. */
struct webhook_claim {
	struct vault_text id;
	struct vault_text timestamp; /* as it was signed */
	int64_t time;
	struct webhook_signature signatures[WEBHOOK_SIGNATURES_MAX];
	size_t n;
};

/*
 * Reads what the scheme needs out of a map of headers; names match without case, and a value is a
 * text or a list of texts. *well_formed is false, with VAULT_OK, where a header is missing, given
 * twice, too long, or not of its form. VAULT_INVALID_PARAMS where the map holds something else than
 * headers.
 */
MUST_USE enum vault_err webhook_headers_read(struct op *op, enum webhook_scheme scheme,
					     struct vault_map headers, struct webhook_claim *claim,
					     bool *well_formed);
/* The same claim as headers, as the contract writes their names; in the operation's memory. */
MUST_USE enum vault_err webhook_headers_write(struct op *op, enum webhook_scheme scheme,
					      const struct webhook_claim *claim,
					      struct vault_map *headers);

/*
 * Printable ASCII without spaces and full stops: those part it from what is signed behind it, so an
 * id that had one could be read in two ways.
 */
bool webhook_id(struct vault_text id);

#endif
