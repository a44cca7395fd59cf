#include "vaultd/core/import_check.h"

#include "protocol/text.h"
#include "vaultd/core/cidr.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/secrets.h"

#define COUNT_MAX (INT64_C(1) << 60) /* such that no sum of a few of them overflows */

static bool
is_value(const struct enum_type *values, int64_t v)
{
	return v > 0 && v < values->count;
}

static bool
stands_under_its_name(const struct row_keys *keys, const struct row_key *place,
		      struct vault_text name)
{
	struct row_key own = row_key_of(keys, (enum row_kind)place->kind, text_bytes(name));

	return text_name(name) && text_same(own.tag, place->tag, ROW_TAG_BYTES);
}

static bool
key_fits(const struct key_record *record)
{
	int64_t first = key_first_version(record), last = record->last_version;

	if (!is_value(&key_algorithm_enum, record->algorithm) ||
	    !is_value(&key_usage_enum, record->usage) ||
	    !key_usage_fits(record->algorithm, record->usage) ||
	    record->versions.n > KEY_INLINE_MAX || last > KEY_VERSION_LAST || first > last ||
	    last - first >= IMPORT_VERSIONS_MAX)
		return false;
	for (size_t i = 0; i < record->versions.n; i++)
		if (record->versions.v[i].version > last ||
		    !key_material_fits(record->algorithm, record->verify_only,
				       &record->versions.v[i]))
			return false;
	return true;
}

static bool
secret_fits(const struct secret_record *record)
{
	bool fits =
		record->versions.n <= SECRET_VERSIONS_MAX && record->state.v <= SECRET_DESTROYED;

	if (record->generator_kind.set)
		fits = fits && is_value(&generator_kind_enum, record->generator_kind.v);
	for (size_t i = 0; fits && i < record->versions.n; i++)
		fits = record->versions.v[i].state.v <= SECRET_DESTROYED;
	return fits;
}

static bool
apikey_fits(const struct apikey_record *record)
{
	struct vault_bytes sources = record->sources;

	if (!is_value(&apikey_kind_enum, record->kind) || sources.len % CIDR_BYTES != 0 ||
	    (record->role.p != NULL && !text_name(record->role)) || !text_scope(record->id))
		return false;
	for (size_t at = 0; at < sources.len; at += CIDR_BYTES)
		if (sources.p[at] > 8 * ADDRESS_BYTES)
			return false;
	return true;
}

static bool
uses_fit(const struct token_uses_record *record)
{
	return record->used <= COUNT_MAX && record->max <= COUNT_MAX && record->added <= COUNT_MAX;
}

bool
import_record_fits(const struct row_keys *keys, const struct row_key *place,
		   const struct object_type *type, const void *record)
{
	if (!record_within(type, record))
		return false;
	switch (place->kind) {
	case ROW_KEY:
		return stands_under_its_name(keys, place,
					     ((const struct key_record *)record)->name) &&
		       key_fits(record);
	case ROW_PROFILE:
		return stands_under_its_name(keys, place,
					     ((const struct profile_record *)record)->name);
	case ROW_SECRET:
		return stands_under_its_name(keys, place,
					     ((const struct secret_record *)record)->name) &&
		       secret_fits(record);
	case ROW_APIKEY:
		return apikey_fits(record);
	case ROW_TOMBSTONE:
		return ((const struct tombstone_record *)record)->last_version.v <=
		       KEY_VERSION_LAST;
	case ROW_ISSUANCE:
		return ((const struct issuance_record *)record)->reserved <= COUNT_MAX;
	case ROW_TOKEN_USES:
		return uses_fit(record);
	default:
		return true;
	}
}

bool
import_tenant_fits(const struct tenant_record *record)
{
	return record_within(tenant_record_type(), record) &&
	       is_value(&tenant_state_enum, record->state) &&
	       (!record->key_lockout.set || is_value(&key_lockout_enum, record->key_lockout.v));
}
