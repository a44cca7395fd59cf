/*
 * What ops.def makes: an enumerator for each value of an enumerated field, a struct for each
 * request, reply and map inside them, and the table of operations.
 */
#ifndef PROTOCOL_OPS_H
#define PROTOCOL_OPS_H

#include "protocol/fields.h"
#include "protocol/types.h"

/* enum key_algorithm { key_algorithm_none, key_algorithm_HS256, ... }; 0 is no value. */
#define ENUM_BEGIN(id) enum id { id##_none,
#define ENUM_VALUE(id, name) id##_##name,
#define ENUM_END(id)                                                                                         \
	id##_count                                                                                           \
	}                                                                                                    \
	;
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

/* The values' names, key_algorithm_enum.names[key_algorithm_HS256] and so on. */
#define ENUM_BEGIN(id) extern const struct enum_type id##_enum;
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

/* struct token_sign_req, struct token_sign_res, struct key_version, ... */
#define OBJECT_BEGIN(id) struct id {
#define OBJECT_END(id)                                                                                       \
	}                                                                                                    \
	;
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) struct id##_req {
#define OP_RESULT(id)                                                                                        \
	}                                                                                                    \
	;                                                                                                    \
	struct id##_res {
#define OP_END(id)                                                                                           \
	}                                                                                                    \
	;
#include "protocol/fields_struct.h"
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

/* OP_token_sign, ... in the list's order. */
enum op_id {
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) OP_##id,
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"
	OP_COUNT
};

enum op_class { CLASS_HOT, CLASS_READ, CLASS_WRITE, CLASS_ADMIN };
enum op_lane { LANE_WORKER, LANE_COMMIT, LANE_SLOW, LANE_SLOW_COMMIT, LANE_PREPARED, LANE_MAIN };

enum op_flag {
	OP_OPEN = 1 << 0,
	OP_SEALED = 1 << 1,
	OP_UNINIT = 1 << 2,
	OP_QUIET = 1 << 3,
	OP_EXPORTS = 1 << 4,
	OP_BARRIER = 1 << 5,
	OP_LATE_TENANT = 1 << 6,
	OP_LATE_NAME = 1 << 7,
	OP_ALONE = 1 << 8,
};

enum op_role {
	ROLE_SIGNER = 1 << 0,
	ROLE_VERIFIER = 1 << 1,
	ROLE_READER = 1 << 2,
	ROLE_WRITER = 1 << 3,
	ROLE_CRYPTO = 1 << 4,
	ROLE_RAW_SIGNER = 1 << 5,
	ROLE_TENANT_ADMIN = 1 << 6,
	ROLE_OPERATOR = 1 << 7,
	ROLE_SECURITY_ADMIN = 1 << 8,
	ROLE_AUDITOR = 1 << 9,
	ROLE_BACKUP = 1 << 10,
};

struct op_row {
	const char *method; /* "token.sign" */
	uint8_t method_len;
	enum op_id id;
	uint16_t number; /* stands for it in the audit, for good */
	enum op_class class;
	enum op_lane lane;
	uint32_t flags;	 /* of enum op_flag */
	uint32_t roles;	 /* of enum op_role */
	const char *summary;
	const struct object_type *(*request)(void);
	const struct object_type *(*result)(void);
};

extern const struct op_row op_rows[OP_COUNT];

/* token_sign_req_type(), key_version_type(), ... describe the structs above. */
#define OBJECT_BEGIN(id) const struct object_type *id##_type(void);
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary)                                             \
	const struct object_type *id##_req_type(void);                                                       \
	const struct object_type *id##_res_type(void);
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

/* What any request may carry besides its own fields. */
struct op_common {
	struct vault_text actor;      /* who the caller acts for; audited, not verified */
	struct vault_text request_id; /* class W and A: the same answer to the same request for 24 hours */
};
const struct object_type *op_common_type(void);

/* The row of a method name, or NULL; op_find_from looks at that row first. */
const struct op_row *op_find(struct vault_text method);
const struct op_row *op_find_from(struct vault_text method, enum op_id first);

/* The row of a number that the audit holds, or NULL. */
const struct op_row *op_by_number(uint16_t number);

/* "hot", "read", "write", "admin" */
const char *op_class_name(enum op_class class);

/* A struct large enough for any request, and one for any reply. */
union op_request {
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) struct id##_req id;
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"
};
union op_result {
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) struct id##_res id;
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"
};

#endif
