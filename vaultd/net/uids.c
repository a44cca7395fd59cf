#include "vaultd/net/uids.h"

#define PROBES 64		    /* places looked at before one is shared */
#define SPREAD UINT32_C(2654435761) /* Knuth's multiplier: uids come in rows */

struct uid_place *
uids_place(struct uids *uids, uint32_t uid)
{
	uint32_t first = uid * SPREAD % UIDS_MAX;

	for (uint32_t i = 0; i < PROBES; i++) {
		struct uid_place *place = &uids->places[(first + i) % UIDS_MAX];

		if (place->owner == 0)
			place->owner = (uint64_t)uid + 1;
		if (place->owner == (uint64_t)uid + 1)
			return place;
	}
	return &uids->places[first];
}
