/*
 * audit.checkpoint and audit.prove: what somebody outside can check without trusting this vault
 * again. The form of a checkpoint is C2SP's tlog-checkpoint in a signed note, as c2sp.org/signed-note
 * and c2sp.org/tlog-checkpoint have it; the tree is RFC 6962's (core/audit_tree.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/audit_tree.h"
#include "vaultd/core/tenant.h"
#include "vaultd/ops/audit_item.h"
#include "vaultd/ops/ops.h"

#define NAME_BYTES (sizeof "vaultd/" + STORE_ID_TEXT)
#define NOTE_ED25519 1 /* the signature's kind, in a key and what its id is made of */
#define KEY_ID_BYTES 4
#define HASH_TEXT (BASE64_PADDED_LENGTH(SHA256_BYTES) + 1)

/* The origin, and the name of the key: "vaultd/" and the store's id. */
static void
name_of(const struct op *op, char name[static NAME_BYTES])
{
	char id[STORE_ID_TEXT];

	store_id_text(op->vault->keyring.store.store_id, id);
	snprintf(name, NAME_BYTES, "vaultd/%s", id);
}

/* A key as notes tell it: its kind and its bytes. The id is the beginning of a hash of that. */
static void
key_of(const struct op *op, const char *name, uint8_t key[static 1 + ED25519_PUBLIC_BYTES],
       uint8_t id[static KEY_ID_BYTES])
{
	uint8_t hash[SHA256_BYTES];
	struct sha256 h;

	key[0] = NOTE_ED25519;
	memcpy(key + 1, op->vault->keyring.identity.public_key, ED25519_PUBLIC_BYTES);
	sha256_start(&h);
	sha256_add(&h, name, strlen(name));
	sha256_add(&h, "\n", 1);
	sha256_add(&h, key, 1 + ED25519_PUBLIC_BYTES);
	sha256_end(&h, hash);
	memcpy(id, hash, KEY_ID_BYTES);
}

static void
base64_text(const uint8_t *p, size_t n, char *text)
{
	text[base64_encode_secret(p, n, text)] = '\0';
}

/* "NAME+ID+KEY", what a verifier of notes is given once. */
static enum vault_err
verifier_key(struct op *op, struct vault_text *out)
{
	char name[NAME_BYTES], text[BASE64_PADDED_LENGTH(1 + ED25519_PUBLIC_BYTES) + 1], line[256];
	uint8_t key[1 + ED25519_PUBLIC_BYTES], id[KEY_ID_BYTES];

	name_of(op, name);
	key_of(op, name, key, id);
	base64_text(key, sizeof key, text);
	snprintf(line, sizeof line, "%s+%02x%02x%02x%02x+%s", name, id[0], id[1], id[2], id[3],
		 text);
	return op_keep_text(op, text_of(line), out);
}

/* The note over so many records, signed by the store's identity. */
static enum vault_err
checkpoint(struct op *op, uint64_t size, const uint8_t *root, struct vault_text *out)
{
	uint8_t key[1 + ED25519_PUBLIC_BYTES], signature[KEY_ID_BYTES + ED25519_SIGNATURE_BYTES];
	char name[NAME_BYTES], hash[HASH_TEXT], text[BASE64_PADDED_LENGTH(sizeof signature) + 1];
	char note[512];
	int n;

	name_of(op, name);
	base64_text(root, SHA256_BYTES, hash);
	n = snprintf(note, sizeof note, "%s\n%" PRIu64 "\n%s\n", name, size, hash);
	key_of(op, name, key, signature);
	ed25519_sign(&op->vault->keyring.identity,
		     (struct vault_bytes){ (const uint8_t *)note, (size_t)n },
		     signature + KEY_ID_BYTES);
	base64_text(signature, sizeof signature, text);
	n += snprintf(note + n, sizeof note - (size_t)n, "\n\xe2\x80\x94 %s %s\n", name, text);
	return op_keep_text(op, (struct vault_text){ note, (size_t)n }, out);
}

static struct tree_source
source_of(struct op *op)
{
	return (struct tree_source){ op->vault->audit, &op->vault->keyring.store.name,
				     &op->vault->cancel, &op->vault->work[WORK_SLOW] };
}

/* What could still be lost with the power is in no checkpoint. */
static uint64_t
size_now(struct op *op)
{
	struct audit_status status;

	audit_status(op->vault->audit, &status);
	return status.flushed.seq;
}

static enum vault_err
broken(struct op *op, enum vault_err err)
{
	if (err != VAULT_INTEGRITY)
		return err;
	return op_fail(op, err, NULL, "the audit is not whole; audit.verify says where");
}

enum vault_err
op_audit_checkpoint(struct op *op, const struct audit_checkpoint_req *req,
		    struct audit_checkpoint_res *res)
{
	struct tree_source source = source_of(op);
	uint64_t size = req->size.set ? (uint64_t)req->size.v : size_now(op);
	uint8_t root[SHA256_BYTES];
	enum vault_err err;

	if (size > size_now(op))
		return op_fail(op, VAULT_NOT_FOUND, "size", "there are not so many records yet");
	work_begin(source.work, OP_audit_checkpoint, "records", op->now.wall);
	work_tell(source.work, 0, size);
	err = audit_tree_root(&op->vault->tree, &source, size, root);
	if (err != VAULT_OK)
		return broken(op, err);
	TRY(checkpoint(op, size, root, &res->checkpoint));
	return verifier_key(op, &res->key);
}

/* The record as audit.query shows it; VAULT_NOT_FOUND where it is another tenant's. */
static enum vault_err
find_record(struct op *op, uint64_t seq, struct audit_item *item)
{
	struct audit_range range = { .order = AUDIT_OLDEST, .cursor = seq - 1 };
	struct audit_scan *scan;
	struct audit_record rec;
	uint64_t at = 0;
	enum vault_err err;

	TRY(audit_scan_open(op->vault->audit, &range, &scan));
	err = audit_scan_next(scan, &rec, &at);
	if (err == VAULT_OK &&
	    (at != seq || rec.tenant != op->tenant->keys.tenant || rec.event != AUDIT_EVENT_CALL))
		err = VAULT_NOT_FOUND;
	if (err == VAULT_OK)
		err = audit_item_show(op, &rec, at, item);
	audit_scan_close(scan);
	return err;
}

static enum vault_err
keep_path(struct op *op, const struct tree_proof *proof, struct vault_texts *out)
{
	struct vault_text *texts = scratch_alloc(op->scratch, TREE_PATH_MAX * sizeof *texts);
	char text[HASH_TEXT];

	if (texts == NULL)
		return VAULT_BUSY;
	for (unsigned i = 0; i < proof->n; i++) {
		base64_text(proof->path[i], SHA256_BYTES, text);
		TRY(op_keep_text(op, text_of(text), &texts[i]));
	}
	*out = (struct vault_texts){ texts, proof->n };
	return VAULT_OK;
}

static enum vault_err
prove(struct op *op, uint64_t size, uint64_t seq, struct tree_proof *proof,
      struct audit_prove_res *res)
{
	struct tree_source source = source_of(op);
	uint8_t root[SHA256_BYTES];

	work_begin(source.work, OP_audit_prove, "records", op->now.wall);
	work_tell(source.work, 0, size);
	TRY(audit_tree_prove(&op->vault->tree, &source, size, seq, proof));
	TRY(audit_tree_root(&op->vault->tree, &source, size, root));
	TRY(keep_path(op, proof, &res->proof));
	TRY(op_keep_bytes(op, (struct vault_bytes){ buf_data(&proof->leaf), buf_len(&proof->leaf) },
			  &res->leaf));
	return checkpoint(op, size, root, &res->checkpoint);
}

enum vault_err
op_audit_prove(struct op *op, const struct audit_prove_req *req, struct audit_prove_res *res)
{
	struct audit_item *item = scratch_alloc(op->scratch, sizeof *item);
	uint64_t size = size_now(op), seq = (uint64_t)req->seq;
	struct tree_proof proof = { 0 };
	enum vault_err err;

	if (item == NULL)
		return VAULT_BUSY;
	err = seq > size ? VAULT_NOT_FOUND : find_record(op, seq, item);
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "seq", "the tenant has no such record on disk");
	TRY(err);
	res->record = item;
	err = prove(op, size, seq, &proof, res);
	buf_free(&proof.leaf);
	return err == VAULT_OK ? err : broken(op, err);
}
