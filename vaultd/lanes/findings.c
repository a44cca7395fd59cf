/*
 * What core found, on the log: what it answers is worded here.
 */
#include <inttypes.h>

#include "vaultd/base/log.h"
#include "vaultd/core/migrate.h"
#include "vaultd/lanes/lanes.h"

static void
tell_rollback(const struct vault_opening *opening)
{
	const struct audit_rollback *rollback = &opening->found.rollback;

	log_error("A ROLLBACK%s: %s (store revision %" PRIu64 ", anchor %" PRIu64
		  "; audit record %" PRIu64 ", anchor %" PRIu64 ")",
		  opening->accept_rollback ? " IS ACCEPTED" : " IS REFUSED", opening->why,
		  rollback->found.revision, rollback->anchor.revision, rollback->found.seq,
		  rollback->anchor.seq);
}

static void
tell_recovery(const struct audit_recovery *found)
{
	if (found->accepted > 0 || found->undone.discarded > 0)
		log_warning("audit: not stopped cleanly: %" PRIu64
			    " blocks behind the store's head, %" PRIu64
			    " bytes cut off segment %" PRIu64,
			    found->accepted, found->undone.discarded, found->undone.segment);
	if (found->undone.void_first != 0)
		log_warning("audit: the changes %" PRIu64 " to %" PRIu64 " were not applied",
			    found->undone.void_first, found->undone.void_last);
}

void
lanes_tell_migrated(uint8_t format)
{
	for (; format != 0 && format < STORE_FORMAT; format++)
		log_info("the store goes from format %d to %d: %s", format, format + 1,
			 migrate_step(format));
}

void
lanes_tell_findings(const struct vault_opening *opening)
{
	const struct vault_findings *found = &opening->found;

	if (found->differs.why != NULL)
		log_warning("audit: segment %" PRIu64 " does not match the store: %s",
			    found->differs.segment, found->differs.why);
	if (opening->why != NULL)
		tell_rollback(opening);
	tell_recovery(&found->recovery);
	lanes_tell_migrated(found->format);
}

void
lanes_tell_rekeyed(bool begun)
{
	if (!begun)
		log_warning("audit: no new segment could be begun for the new keys; the next one "
			    "will have them");
}
