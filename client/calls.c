/*
 * The public calls: the generic ones, and three for each row of ops.def.
 */
#include <string.h>

#include "client/handle.h"
#include "protocol/text.h"

/* The header's structs and protocol's are made from the same list; every member must lie where the
 * codec puts it. */
#define SAME(member)                                                                               \
	_Static_assert(offsetof(__typeof__(*shown), member) ==                                     \
			       offsetof(__typeof__(*coded), member),                               \
		       "vaultclient.h is stale");
#define TEXT(need, name, ...) SAME(name)
#define TEXT_AS(need, name, ...) SAME(name)
#define TENANT(need, name, ...) SAME(name)
#define NAME(need, name, ...) SAME(name)
#define BYTES(need, name, ...) SAME(name)
#define INT(need, name, ...) SAME(name)
#define BOOL(need, name, ...) SAME(name)
#define ENUM(need, name, ...) SAME(name)
#define TEXTS(need, name, ...) SAME(name)
#define TEXTS_AS(need, name, ...) SAME(name)
#define INTS(need, name, ...) SAME(name)
#define MAP(need, name, ...) SAME(name)
#define OBJECT(need, name, ...) SAME(name)
#define OBJECTS(need, name, ...) SAME(name)
/* A struct without fields has a filler in the header, which nobody reads or writes. */
#define CHECK_BEGIN(id)                                                                            \
	static inline void check_##id(const struct vault_##id *shown, const struct id *coded)      \
	{                                                                                          \
		(void)shown;                                                                       \
		(void)coded;                                                                       \
		_Static_assert(sizeof *shown == (sizeof *coded > 0 ? sizeof *coded : 1),           \
			       "vaultclient.h is stale");
#define OBJECT_BEGIN(id) CHECK_BEGIN(id)
#define OBJECT_END(id) }
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) CHECK_BEGIN(id##_req)
#define OP_RESULT(id)                                                                              \
	}                                                                                          \
	CHECK_BEGIN(id##_res)
#define OP_END(id) }
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

static enum vault_err
send_typed(struct vault *v, enum op_id id, const void *req, uint32_t *msgid)
{
	const struct op_row *row = &op_rows[id];
	struct client_request request = { .method = { row->method, row->method_len },
					  .type = row->request(),
					  .fields = req };

	return client_submit(v, &request, msgid);
}

/* Decodes aside, so that a result which does not hold what it must leaves *res as it was. */
static enum vault_err
receive_typed(struct vault *v, enum op_id id, uint32_t msgid, void *res)
{
	const struct object_type *type = op_rows[id].result();
	struct codec_reader reader = { .mode = CODEC_LENIENT, .scratch = &v->scratch };
	union op_result decoded;
	struct cursor result;
	enum vault_err err;

	TRY(client_await(v, msgid, &result));
	if (res == NULL)
		return VAULT_OK;
	reader.partial = v->replayed;
	err = codec_read(&reader, type, result, &decoded);
	if (err != VAULT_OK)
		return client_fail(v, VAULT_LOCAL_REPLY, 0,
				   "the daemon's result is not what the method promises");
	memcpy(res, &decoded, type->size);
	explicit_bzero(&decoded, sizeof decoded);
	return VAULT_OK;
}

#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary)                           \
	enum vault_err vault_##id##_send(struct vault *v, const struct vault_##id##_req *req,      \
					 uint32_t *msgid)                                          \
	{                                                                                          \
		return send_typed(v, OP_##id, req, msgid);                                         \
	}                                                                                          \
	enum vault_err vault_##id##_receive(struct vault *v, uint32_t msgid,                       \
					    struct vault_##id##_res *res)                          \
	{                                                                                          \
		return receive_typed(v, OP_##id, msgid, res);                                      \
	}                                                                                          \
	enum vault_err vault_##id(struct vault *v, const struct vault_##id##_req *req,             \
				  struct vault_##id##_res *res)                                    \
	{                                                                                          \
		uint32_t msgid;                                                                    \
                                                                                                   \
		TRY(send_typed(v, OP_##id, req, &msgid));                                          \
		return receive_typed(v, OP_##id, msgid, res);                                      \
	}
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

enum vault_err
vault_send(struct vault *v, const char *method, struct vault_map params, uint32_t *msgid)
{
	struct client_request request = { .method = text_of(method), .params = params };

	return client_submit(v, &request, msgid);
}

enum vault_err
vault_receive(struct vault *v, uint32_t msgid, struct vault_bytes *result)
{
	struct cursor c;

	TRY(client_await(v, msgid, &c));
	if (result != NULL)
		*result = (struct vault_bytes){ c.p, (size_t)(c.end - c.p) };
	return VAULT_OK;
}

enum vault_err
vault_call(struct vault *v, const char *method, struct vault_map params, struct vault_bytes *result)
{
	uint32_t msgid;

	TRY(vault_send(v, method, params, &msgid));
	return vault_receive(v, msgid, result);
}
