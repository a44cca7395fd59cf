/*
 * The container of backups and of tenant exports, byte by byte in docs/STORAGE.md: a plain header,
 * sealed chunks, a plain manifest that the store signs, and nothing behind it. Here is what stands
 * plain; the chunks are the writer's and the reader's. No I/O: bytes in, bytes out.
 *
 * This directory is a layer of its own, between crypto and core, because vaultctl verifies a backup
 * where no daemon is.
 */
#ifndef BACKUP_FORMAT_H
#define BACKUP_FORMAT_H

#include "protocol/buf.h"
#include "vaultd/crypto/aead.h"
#include "vaultd/crypto/box.h"
#include "vaultd/crypto/ed25519.h"
#include "vaultd/crypto/hash.h"
#include "vaultd/crypto/kdf.h"
#include "vaultd/crypto/stream.h"

#define BACKUP_FORMAT 1
#define BACKUP_ID_BYTES 16
#define BACKUP_ID_TEXT (2 * BACKUP_ID_BYTES + 1) /* hexadecimal, and a NUL */
#define BACKUP_FILE_KEY_BYTES 32
#define BACKUP_NAME_MAX 128
#define BACKUP_OPENERS_MAX 16

/* What is inside. */
enum backup_kind {
	BACKUP_STORE = 1,
	BACKUP_TENANT = 2, /* tenant.export */
	BACKUP_KEYS = 3,   /* the tenants' keys of a split backup, which has the same backup id */
};
/* Flags of the header. */
#define BACKUP_SPLIT 1u /* the tenants' keys are not in here but in another file */

/* Who opens it. */
enum backup_to { BACKUP_TO_SLOTS = 1, BACKUP_TO_PASSPHRASE = 2, BACKUP_TO_RECIPIENT = 3 };

/* What an opener's private half is wrapped by; the first three are enum slot_kind's numbers. */
enum backup_by {
	BACKUP_BY_PASSPHRASE = 1,
	BACKUP_BY_KEYFILE = 2,
	BACKUP_BY_SHARES = 3,
	BACKUP_BY_IDENTITY = 4, /* it is not in the file at all */
};

/*
 * An X25519 pair that the file's key is sealed to. Of a slot it is the slot's own pair, copied, so
 * that the slot's secret opens the file on another host; of a passphrase it was made for this file.
 */
struct backup_opener {
	uint8_t by;
	uint8_t name_len; /* of a slot or a recipient; 0 for a passphrase */
	char name[BACKUP_NAME_MAX];
	uint64_t memory, passes; /* Argon2id's cost; 0 where it is none */
	uint8_t salt[KDF_SALT_BYTES];
	uint8_t public_key[BOX_PUBLIC_BYTES];
	/* Nonce, the private half sealed; associated data: store id, public key, name. */
	uint8_t private_key[AEAD_NONCE_BYTES + BOX_SECRET_BYTES + AEAD_TAG_BYTES];
	uint8_t file_key[BACKUP_FILE_KEY_BYTES + BOX_OVERHEAD];
};

struct backup_header {
	enum backup_kind kind;
	enum backup_to to;
	uint32_t flags;
	uint8_t store_id[16];
	uint8_t id[BACKUP_ID_BYTES];
	int64_t time;				/* seconds since 1970 */
	uint32_t root_generation;		/* of the root key that wraps what is inside */
	uint8_t identity[ED25519_PUBLIC_BYTES]; /* of the store; signs the manifest */
	unsigned opener_count;
	struct backup_opener openers[BACKUP_OPENERS_MAX];
	uint8_t stream[STREAM_HEADER_BYTES];
	uint8_t hash[SHA256_BYTES]; /* of all before it; the first chunk is bound to it */
};

/* The fixed part, an opener, and the whole at most. */
#define BACKUP_HEADER_FIXED 104
#define BACKUP_OPENER_BYTES 352
#define BACKUP_HEADER_END (STREAM_HEADER_BYTES + SHA256_BYTES)
#define BACKUP_HEADER_MAX                                                                          \
	(BACKUP_HEADER_FIXED + BACKUP_OPENERS_MAX * BACKUP_OPENER_BYTES + BACKUP_HEADER_END)

/* Appends it, and sets its hash. */
MUST_USE enum vault_err backup_header_write(struct backup_header *header, struct buf *out);
/*
 * Reads it from the front: *size is what it takes, or 0 where bytes end before it does.
 * VAULT_INTEGRITY for what is no header, VAULT_UNSUPPORTED for one that a newer build wrote.
 */
MUST_USE enum vault_err backup_header_read(struct vault_bytes bytes, struct backup_header *header,
					   size_t *size);

/* A chunk: length (4), then so many bytes: the plain ones and STREAM_OVERHEAD. Length 0: none follows. */
#define BACKUP_CHUNK_PLAIN (256u * 1024)   /* at most, before it is sealed */
#define BACKUP_CHUNK_WRITTEN (248u * 1024) /* so that two go into one answer of backup.read */
#define BACKUP_CHUNK_MAX (BACKUP_CHUNK_PLAIN + STREAM_OVERHEAD)
#define BACKUP_LENGTH_BYTES 4

/*
 * What the chunks hold, end to end: items, which may run over from one chunk into the next. An
 * item: type (2), length (4), bytes. Who reads one that he does not know passes it over where
 * BACKUP_MAY_SKIP is set, else stops with VAULT_UNSUPPORTED.
 */
#define BACKUP_MAY_SKIP 0x8000u
#define BACKUP_ITEM_HEAD 6
#define BACKUP_ITEM_MAX (1024u * 1024) /* bytes of one */
enum backup_item_type {
	BACKUP_ITEM_ROOT = 1,	/* generation (4), the root key (32); in every store backup */
	BACKUP_ITEM_META = 2,	/* length of the name (1), name, value: an entry of meta as it is */
	BACKUP_ITEM_ROW = 3,	/* record id (8), the row as it stands in the store */
	BACKUP_ITEM_LINK = 4,	/* tenant (4), kind (1), tag (12), record id (8): an index entry */
	BACKUP_ITEM_RECORD = 5, /* as a link, then the row's bytes: what an export holds */
	BACKUP_ITEM_INFO = 6,	/* of an export: whose it is; in its own form */
};
#define BACKUP_LINK_BYTES 25
#define BACKUP_ROW_HEAD 8

/* A link's parts; tenant number 0: the store's own. */
struct backup_place {
	uint32_t tenant;
	uint8_t kind;
	uint8_t tag[12];
	uint64_t row;
};
void backup_place_write(const struct backup_place *place, uint8_t out[static BACKUP_LINK_BYTES]);
struct backup_place backup_place_read(const uint8_t in[static BACKUP_LINK_BYTES]);

/* What was backed up, and what the file must therefore be. */
struct backup_manifest {
	uint8_t id[BACKUP_ID_BYTES];
	uint64_t chunks;
	uint64_t bytes; /* of the file before the manifest */
	uint64_t plain; /* of all items */
	uint64_t items, rows, links, meta;
	uint64_t revision; /* of the store */
	uint64_t audit_segment, audit_offset, audit_seq;
	uint8_t audit_hash[SHA256_BYTES];
	int64_t started, ended; /* seconds since 1970 */
	uint32_t next_tenant;
	uint8_t hash[SHA256_BYTES]; /* of the file before the manifest */
	uint8_t signature[ED25519_SIGNATURE_BYTES];
};
#define BACKUP_MANIFEST_BYTES 272

/* Appends it, signed; with the length 0 that ends the chunks. */
MUST_USE enum vault_err backup_manifest_write(struct backup_manifest *manifest,
					      const struct ed25519_key *identity, struct buf *out);
/* bytes: BACKUP_MANIFEST_BYTES of them. VAULT_INTEGRITY also where the signature is not the identity's. */
MUST_USE enum vault_err backup_manifest_read(const uint8_t bytes[static BACKUP_MANIFEST_BYTES],
					     const uint8_t identity[static ED25519_PUBLIC_BYTES],
					     struct backup_manifest *manifest);

void backup_id_text(const uint8_t id[static BACKUP_ID_BYTES], char text[static BACKUP_ID_TEXT]);

#endif
