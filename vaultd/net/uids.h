/*
 * What is held of each uid that connects: its rate limit before anything is parsed, and how many
 * connections it has. Bounded: once the table is full further uids share places, and so limits;
 * nobody goes without.
 */
#ifndef NET_UIDS_H
#define NET_UIDS_H

#include "vaultd/base/limit.h"

#define UIDS_MAX 4096 /* places */

struct uid_place {
	uint64_t owner;		      /* uid + 1; 0: free. main */
	_Atomic int64_t bucket;	      /* of the requests, by whichever worker */
	_Atomic unsigned connections; /* main counts up, workers down */
};

struct uids {
	struct uid_place places[UIDS_MAX];
};

/* The uid's place, for good. On main. */
struct uid_place *uids_place(struct uids *uids, uint32_t uid);

#endif
