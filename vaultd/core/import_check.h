/*
 * Whether what an export brings is what a vault writes. Who knows its passphrase may have written
 * it, and nothing behind this looks again: records of the store were checked before they were sealed.
 */
#ifndef CORE_IMPORT_CHECK_H
#define CORE_IMPORT_CHECK_H

#include "vaultd/core/records.h"
#include "vaultd/core/sealed.h"

/* Versions that a key brought along may count: whoever loads or removes it may look at each. */
#define IMPORT_VERSIONS_MAX 65536

/* record: of the place's kind and of that type, decoded; keys: those that its names are tagged with. */
bool import_record_fits(const struct row_keys *keys, const struct row_key *place,
			const struct object_type *type, const void *record);
bool import_tenant_fits(const struct tenant_record *record);

#endif
