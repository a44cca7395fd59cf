#include "vaultd/core/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

#define GRANT_SCRATCH_BYTES 4096
#define PRINCIPAL_MAX 32 /* bytes of "uid:N" and its NUL */
#define GRANT_PATTERN_MAX (NAME_MAX_LEN + 1)
#define GRANT_PATTERNS_MAX 4 /* kept of each list; sys.init writes one */

struct pattern_list {
	char text[GRANT_PATTERNS_MAX][GRANT_PATTERN_MAX];
	size_t n;
};

struct grant {
	uint32_t uid;
	uint32_t roles; /* of enum op_role; all bits for owner */
	struct pattern_list tenants;
	struct pattern_list names;
};

static enum vault_err
copy_patterns(const struct vault_texts *from, struct pattern_list *to)
{
	if (from->n > GRANT_PATTERNS_MAX)
		return VAULT_INTEGRITY;
	for (size_t i = 0; i < from->n; i++) {
		if (from->v[i].len >= GRANT_PATTERN_MAX)
			return VAULT_INTEGRITY;
		memcpy(to->text[i], from->v[i].p, from->v[i].len);
		to->text[i][from->v[i].len] = '\0';
	}
	to->n = from->n;
	return VAULT_OK;
}

static bool
any_matches(const struct pattern_list *patterns, struct vault_text text)
{
	/* Where the operation has no tenant or name, only a grant on all of them will do. */
	if (text.p == NULL)
		text = TEXT_LITERAL("");
	for (size_t i = 0; i < patterns->n; i++)
		if (text_matches(text_of(patterns->text[i]), text))
			return true;
	return false;
}

/* principal: "uid:N". */
static enum vault_err
parse_uid(struct vault_text principal, uint32_t *uid)
{
	uint64_t v = 0;

	if (principal.len < 5 || principal.len > 14 || memcmp(principal.p, "uid:", 4) != 0)
		return VAULT_INTEGRITY;
	for (size_t i = 4; i < principal.len; i++) {
		if (principal.p[i] < '0' || principal.p[i] > '9')
			return VAULT_INTEGRITY;
		v = v * 10 + (uint64_t)(principal.p[i] - '0');
	}
	if (v > UINT32_MAX)
		return VAULT_INTEGRITY;
	*uid = (uint32_t)v;
	return VAULT_OK;
}

static enum vault_err
grant_from_row(const struct row *row, struct scratch *scratch, struct grant *grant)
{
	struct grant_record record;

	TRY(record_decode(grant_record_type(), row_plain(row), scratch, &record));
	TRY(parse_uid(record.principal, &grant->uid));
	/* The only role that anything writes so far. */
	if (!text_is(record.role, "owner"))
		return VAULT_INTEGRITY;
	grant->roles = UINT32_MAX;
	TRY(copy_patterns(&record.tenants, &grant->tenants));
	return copy_patterns(&record.names, &grant->names);
}

static enum vault_err
grants_walk(struct row_walk *walk, const struct row_keys *store, struct scratch *scratch,
	    struct grants *grants)
{
	struct vault_bytes sealed;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	while ((err = row_walk_next(walk, &key, &id, &sealed)) == VAULT_OK) {
		ROW_LOCAL(row);
		struct grant *more;

		if (grants->n == GRANTS_MAX)
			return VAULT_BUSY;
		TRY(sealed_open(store, &key, sealed, &row));
		more = realloc(grants->v, (grants->n + 1) * sizeof *more);
		if (more == NULL)
			return VAULT_BUSY;
		grants->v = more;
		more[grants->n] = (struct grant){ 0 };
		TRY(grant_from_row(&row, scratch, &more[grants->n]));
		grants->n++;
		scratch_reset(scratch, false);
	}
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
grants_load(struct txn *txn, const struct row_keys *store, struct grants *grants)
{
	struct grants loaded = { 0 };
	struct scratch scratch;
	struct row_walk walk;
	enum vault_err err;

	TRY(scratch_init(&scratch, GRANT_SCRATCH_BYTES, GRANT_SCRATCH_BYTES));
	err = row_walk_open(txn, 0, ROW_GRANT, NULL, &walk);
	if (err == VAULT_OK) {
		err = grants_walk(&walk, store, &scratch, &loaded);
		row_walk_close(&walk);
	}
	scratch_free(&scratch);
	if (err != VAULT_OK) {
		grants_free(&loaded);
		return err;
	}
	grants_free(grants);
	*grants = loaded;
	return VAULT_OK;
}

void
grants_free(struct grants *grants)
{
	free(grants->v);
	*grants = (struct grants){ 0 };
}

/* Where the owner grant of a uid stands. */
static struct row_key
owner_place(const struct row_keys *store, uint32_t uid, char principal[static PRINCIPAL_MAX])
{
	snprintf(principal, PRINCIPAL_MAX, "uid:%" PRIu32, uid);
	return row_key_of(store, ROW_GRANT, text_bytes(text_of(principal)));
}

enum vault_err
grants_find_owner(struct txn *txn, const struct row_keys *store, uint32_t uid)
{
	char principal[PRINCIPAL_MAX];
	struct row_key place = owner_place(store, uid, principal);
	ROW_LOCAL(row);

	return sealed_find(txn, store, &place, &row);
}

enum vault_err
grants_create_owner(struct change *change, const struct row_keys *store, uint32_t uid, int64_t now)
{
	static const struct vault_text all[] = { { "*", 1 } };
	struct grant_record record = { .role = TEXT_LITERAL("owner"), .created_at = now };
	char principal[PRINCIPAL_MAX];
	ROW_LOCAL(row);

	row.key = owner_place(store, uid, principal);
	record.id = text_of(principal + 4);
	record.principal = text_of(principal);
	record.tenants = record.names = record.may_grant = (struct vault_texts){ all, 1 };
	return sealed_put(change, store, &row, grant_record_type(), &record);
}

enum decision
policy_decide(const struct grants *grants, const struct identity *who,
	      const struct policy_request *request)
{
	const struct op_row *row = request->row;

	if (row->class == CLASS_ADMIN && !who->admin_socket)
		return DECISION_DENY;
	if ((row->flags & OP_OPEN) != 0)
		return DECISION_ALLOW;
	/* An unmapped user is nobody, whatever a grant says. */
	if (who->uid == UID_NOBODY)
		return DECISION_DENY;
	/* Sealed, the grants cannot be read. */
	if (!request->open)
		return who->uid == 0 || who->uid == request->owner_uid ? DECISION_ALLOW
								       : DECISION_DENY;
	for (size_t i = 0; i < grants->n; i++) {
		const struct grant *grant = &grants->v[i];

		if (grant->uid == who->uid &&
		    (grant->roles == UINT32_MAX || (grant->roles & row->roles) != 0) &&
		    any_matches(&grant->tenants, request->tenant) &&
		    any_matches(&grant->names, request->target))
			return DECISION_ALLOW;
	}
	return DECISION_DENY;
}
