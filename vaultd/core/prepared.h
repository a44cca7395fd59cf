/*
 * What the slow lane made ready for a request, or for a rotation that is due, which then ends on
 * the committer. All zero is nothing.
 */
#ifndef CORE_PREPARED_H
#define CORE_PREPARED_H

#include "vaultd/core/backups.h"
#include "vaultd/core/drill.h"
#include "vaultd/crypto/pkey.h"

struct import;
struct prepared {
	struct pkey_pair pair;	   /* a new key's material */
	bool tested;		   /* what key.import brings was tested in full */
	struct import *import;	   /* import.write and import.commit: whose turn it is */
	struct backup_done backup; /* backup.end: what became of it */
	struct drill_done drill;   /* backup.drill, likewise */
};

#endif
