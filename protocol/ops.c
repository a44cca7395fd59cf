#include "protocol/ops.h"

#include "protocol/text.h"

/* The names of each enumerated field's values. */
#define ENUM_BEGIN(id) static const char *const id##_names[] = { NULL,
#define ENUM_VALUE(id, name) #name,
#define ENUM_END(id)                                                                                         \
	}                                                                                                    \
	;                                                                                                    \
	const struct enum_type id##_enum = { #id, id##_names, id##_count };
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

/* What reading begins with, and what must be there at its end. */
#include "protocol/fields_each.h"
#define FIELD_EACH DEFAULTS_EACH
#define OBJECT_BEGIN(id) DEFAULTS_BEGIN(id)
#define OBJECT_END(id) DEFAULTS_END
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) DEFAULTS_BEGIN(id##_req)
#define OP_RESULT(id) DEFAULTS_END DEFAULTS_BEGIN(id##_res)
#define OP_END(id) DEFAULTS_END
#include "protocol/ops_none.h"
#include "protocol/ops.def"
DEFAULTS_BEGIN(op_common)
DEFAULTS_END
#include "protocol/ops_end.h"

#include "protocol/fields_each.h"
#define FIELD_EACH REQUIRED_EACH
#define OBJECT_BEGIN(id) REQUIRED_BEGIN(id)
#define OBJECT_END(id) REQUIRED_END
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) REQUIRED_BEGIN(id##_req)
#define OP_RESULT(id) REQUIRED_END REQUIRED_BEGIN(id##_res)
#define OP_END(id) REQUIRED_END
#include "protocol/ops_none.h"
#include "protocol/ops.def"
REQUIRED_BEGIN(op_common)
REQUIRED_END
#include "protocol/ops_end.h"

/* The field tables. */
#include "protocol/fields_table.h"
#define OBJECT_BEGIN(id) TABLE_BEGIN(id)
#define OBJECT_END(id) TABLE_END(id)
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) TABLE_BEGIN(id##_req)
#define OP_RESULT(id) TABLE_END(id##_req) TABLE_BEGIN(id##_res)
#define OP_END(id) TABLE_END(id##_res)
#include "protocol/ops_none.h"
#include "protocol/ops.def"

TABLE_BEGIN(op_common)
TEXT(O, actor, 0, ACTOR_MAX, F_AUDIT)
TEXT(O, request_id, 1, REQUEST_ID_MAX, 0)
TABLE_END(op_common)
#include "protocol/ops_end.h"

const struct op_row op_rows[OP_COUNT] = {
#define OP_BEGIN(id_, method_, number_, class_, lane_, flags_, roles_, summary_)                                      \
	[OP_##id_] = { .method = method_,                                                                    \
		       .method_len = sizeof(method_) - 1,                                                    \
		       .id = OP_##id_,                                                                       \
		       .number = number_,                                                                       \
		       .class = CLASS_##class_,                                                              \
		       .lane = LANE_##lane_,                                                                 \
		       .flags = flags_,                                                                      \
		       .roles = roles_,                                                                      \
		       .summary = summary_,                                                                  \
		       .request = id_##_req_type,                                                            \
		       .result = id_##_res_type },
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"
};

const struct op_row *
op_find(struct vault_text method)
{
	return op_find_from(method, (enum op_id)0);
}

const struct op_row *
op_find_from(struct vault_text method, enum op_id first)
{
	for (unsigned i = 0; i < OP_COUNT; i++) {
		const struct op_row *row = &op_rows[(first + i) % OP_COUNT];

		if (row->method_len == method.len && text_same(row->method, method.p, method.len))
			return row;
	}
	return NULL;
}

const struct op_row *
op_by_number(uint16_t number)
{
	for (int i = 0; i < OP_COUNT; i++)
		if (op_rows[i].number == number)
			return &op_rows[i];
	return NULL;
}

const char *
op_class_name(enum op_class class)
{
	static const char *const names[] = { "hot", "read", "write", "admin" };

	return names[class];
}
