/*
 * What ops.def (and vaultd/core/records.def) are written in: the kinds of field, how each looks in
 * C, and the descriptors that codecs walk. A field's C type follows from its kind and from whether
 * it may be absent.
 */
#ifndef PROTOCOL_FIELDS_H
#define PROTOCOL_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/types.h"

/* Wire limits, told in sys.hello. */
#define FRAME_MAX 1048576  /* bytes of one message */
#define DEPTH_MAX 8	   /* nesting; the message's own array is depth 1 */
#define IN_FLIGHT_MAX 1024 /* requests of one connection not yet answered */
#define PARTIAL_FRAME_SECONDS 10

/* Bounds that several fields share. */
#define TIME_MAX INT64_C(253402300799)	 /* the last second of year 9999 */
#define DURATION_MAX INT64_C(3153600000) /* a hundred years */
#define RSA_KEY_BITS_MIN 2048
#define RSA_KEY_BITS_MAX 4096
#define AUDIT_NOTE_MAX 1024 /* bytes of what audit.note writes */
#define TTL_MAX 63072000    /* two years: the longest life of a token */
#define LIST_MAX 64	    /* entries of an audience, scope or claim list */
#define SUBJECT_MAX 512
#define JTI_MAX 256 /* bytes of a peer's token id; ours have 27 */
#define USE_MAX 64  /* bytes of the text that tells one use from another */
#define DOMAIN_NAME_MAX 253
#define METADATA_MAX 4096 /* bytes of what a caller keeps with a record, encoded */
#define CLAIMS_MAX 12288  /* bytes of extra claims: the token stays below 16 KiB and more */
#define TENANT_NAME_MAX 63
#define NAME_MAX_LEN 128
#define ACTOR_MAX 128
#define REQUEST_ID_MAX 64
#define PRINCIPAL_MAX (TENANT_NAME_MAX + NAME_MAX_LEN + 8) /* "key:TENANT/ID", and room */
#define METHODS_MAX 128		/* patterns of a role or a narrowed connection */
#define GROUPS_SHOWN_MAX 256	/* supplementary groups that auth.whoami tells */
#define REPLAY_RESULT_MAX 16384 /* bytes of a result that is kept for its request_id */
#define METADATA_MAX 4096	/* bytes of what a caller keeps with a record, encoded */
#define TOTP_LABEL_MAX 64
#define TOTP_RECOVERY_CODES 10 /* given out with an enrolment, each good for once */
#define TOTP_RECOVERY_DIGITS 16
#define WEBHOOK_ID_MAX 128	/* bytes of a webhook message's id */
#define HEADERS_MAX 65536	/* bytes of a map of HTTP headers */
#define CRYPTO_CONTEXT_MAX 4096 /* bytes of what a ciphertext is bound to besides its key */
#define CRYPTO_DATAKEY_MIN 16
#define CRYPTO_DATAKEY_MAX 64
/* Such that a ciphertext with the longest context and names still fits into a request. */
#define CRYPTO_PLAINTEXT_MAX (FRAME_MAX - 8192)
#define CRYPTO_OVERHEAD 45 /* format, key version, nonce, tag */
#define CRYPTO_CIPHERTEXT_MAX (CRYPTO_PLAINTEXT_MAX + CRYPTO_OVERHEAD)
#define SECRET_VALUE_MAX (512 * 1024)
#define SECRET_KEEP_MAX 100			  /* versions of a secret that may be kept */
#define SECRET_VERSIONS_MAX (SECRET_KEEP_MAX + 2) /* ... and there are: a pending one, a new one */
#define SECRET_OWNER_MAX 256
#define GENERATED_MAX 4096 /* characters, or random bytes, of a value made by a generator */
/* Bytes of a backup in one answer, which with what is around them takes half a MiB of memory. */
#define BACKUP_READ_MAX (512 * 1024 - 1024)
#define BACKUP_HANDLE_MAX 64
#define ALPHABET_MAX 95 /* printable ASCII has no more */

enum field_kind {
	FIELD_TEXT,    /* struct vault_text */
	FIELD_TENANT,  /* struct vault_text of a tenant name's form */
	FIELD_NAME,    /* struct vault_text of any other name's form */
	FIELD_BYTES,   /* struct vault_bytes */
	FIELD_INT,     /* int64_t, or struct vault_opt_int */
	FIELD_BOOL,    /* bool, or struct vault_opt_bool */
	FIELD_ENUM,    /* int, or struct vault_opt_enum; 0 is no value */
	FIELD_TEXTS,   /* struct vault_texts */
	FIELD_INTS,    /* struct vault_ints */
	FIELD_MAP,     /* struct vault_map */
	FIELD_OBJECT,  /* pointer to a struct, NULL where absent */
	FIELD_OBJECTS, /* { pointer to structs, count } */
};

enum field_flag {
	F_SECRET = 1 << 0,   /* its bytes are wiped when the request or reply is done with */
	F_TARGET = 1 << 1,   /* names what the operation is about */
	F_AUDIT = 1 << 2,    /* may stand in the audit */
	F_TIME = 1 << 3,     /* seconds since 1970 */
	F_DURATION = 1 << 4, /* seconds */
	F_ONCE = 1 << 5,     /* shown this once */
};

/* The values of an enumerated text field; names[0] is NULL: 0 is "no value". */
struct enum_type {
	const char *name;
	const char *const *names;
	int count; /* one more than the highest value */
};

struct object_type;

/* A name in MessagePack: the head of a short str, and the str. */
#define FIELD_NAME_MAX 23
struct field_key {
	uint8_t head;
	char text[FIELD_NAME_MAX];
};

/*
 * One field. min and max bound an integer's value, a text's or bytes' length, a map's encoded
 * length, a list's element.
 */
struct field {
	const char *name;
	struct field_key key; /* the name as it is sent */
	uint8_t name_len;
	uint8_t kind;
	bool required;
	uint16_t flags;
	uint16_t offset;    /* in the struct */
	uint32_t max_count; /* of a list */
	int64_t min;
	int64_t max;
	int64_t def; /* of an absent integer, flag or enumerator */
	const struct enum_type *values;
	const struct object_type *(*object)(void);
};

/* A struct and its fields, at most 64. */
struct object_type {
	const char *name;
	const struct field *fields;
	const void *defaults; /* the struct with nothing given */
	uint16_t count;
	uint16_t required; /* of the fields */
	uint16_t size;
};

#define OBJECT_FIELDS_MAX 64

/* A list of structs, whatever their type; v points to n of them. */
struct object_list {
	const void *v;
	size_t n;
};

/* How a field looks in a struct. */
#define CTYPE_INT_R int64_t
#define CTYPE_INT_O struct vault_opt_int
#define CTYPE_BOOL_R bool
#define CTYPE_BOOL_O struct vault_opt_bool
#define CTYPE_ENUM_R int
#define CTYPE_ENUM_O struct vault_opt_enum

#define REQUIRED_R 1
#define REQUIRED_O 0

#define IMPORT_WRITE_MAX (256 * 1024) /* bytes of an export that import.write takes at once */

/* What every list operation asks and answers. */
#define PAGE_LIMIT_DEFAULT 100
#define PAGE_LIMIT_MAX 1000
#define CURSOR_MAX 256
#define PAGE_PARAMS                                                                                \
	INT(O, limit, 1, PAGE_LIMIT_MAX, PAGE_LIMIT_DEFAULT, 0) TEXT(O, cursor, 1, CURSOR_MAX, 0)
#define PAGE_RESULT TEXT(O, cursor, 0, CURSOR_MAX, 0)

/*
 * What sys.watch tells of, in the contract's words. Subscriptions keep kinds as bits of 32: add at
 * the end.
 */
#define EVENT_KINDS(X)                                                                             \
	X(event_kind, denied)                                                                      \
	X(event_kind, lockout)                                                                     \
	X(event_kind, limited)                                                                     \
	X(event_kind, sealed)                                                                      \
	X(event_kind, unsealed)                                                                    \
	X(event_kind, clock_jump)                                                                  \
	X(event_kind, audit_unavailable)                                                           \
	X(event_kind, storage_full)                                                                \
	X(event_kind, watch_ended)                                                                 \
	X(event_kind, rekeyed)                                                                     \
	X(event_kind, erased)

/* A profile's settings; need is O where they are asked for with defaults, R where they are told. */
#define PROFILE_FIELDS(need)                                                                       \
	NAME(R, key, F_AUDIT)                                                                      \
	TEXT(need, typ, 1, 64, 0)                                                                  \
	TEXT(O, issuer, 1, 512, 0)                                                                 \
	TEXTS(O, audience, LIST_MAX, 1, 512, 0)                                                    \
	INT(need, ttl, 1, TTL_MAX, 300, F_DURATION)                                                \
	INT(need, max_ttl, 1, TTL_MAX, 3600, F_DURATION)                                           \
	INT(need, leeway, 0, 300, 0, F_DURATION)                                                   \
	TEXTS(O, scopes, LIST_MAX, 1, 256, 0)                                                      \
	TEXTS(O, domains, LIST_MAX, 1, 2 + DOMAIN_NAME_MAX, 0)                                     \
	INT(O, max_uses, 1, UINT32_MAX, 0, 0)                                                      \
	ENUM(need, subject, subject_need, subject_need_required, 0)                                \
	BOOL(need, tenant_claim, true, 0)                                                          \
	TEXTS(O, claims, LIST_MAX, 1, 256, 0)                                                      \
	TEXTS_AS(O, required_, "required", LIST_MAX, 1, 256, 0)                                    \
	MAP(O, fixed, CLAIMS_MAX, 0)                                                               \
	MAP(O, values, CLAIMS_MAX, 0)                                                              \
	INT(O, legacy_until, 0, TIME_MAX, 0, F_TIME)

/* What apikey.create and apikey.import say of a key that is to be. */
#define APIKEY_FIELDS                                                                              \
	ENUM(O, kind, apikey_kind, apikey_kind_ancillary, F_AUDIT)                                 \
	TEXT(O, env, 1, 64, F_AUDIT)                                                               \
	TEXTS(R, scopes, LIST_MAX, 1, 64, 0)                                                       \
	NAME(O, role, 0)                                                                           \
	INT(O, expires_at, 0, TIME_MAX, 0, F_TIME)                                                 \
	TEXTS(O, sources, LIST_MAX, 1, 64, 0)                                                      \
	INT(O, uses, 1, UINT32_MAX, 0, 0)                                                          \
	OBJECT(O, refill, apikey_refill, 0)                                                        \
	OBJECT(O, limit, apikey_limit, 0)                                                          \
	TEXT(O, owner, 1, 256, 0)                                                                  \
	MAP(O, metadata, METADATA_MAX, 0)

#endif
