/*
 * Who is asking, as the kernel says: read once, when the connection was made.
 */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#define UID_NOBODY 65534 /* what an unmapped user of another namespace shows as */

struct identity {
	uint32_t uid;
	uint32_t gid;
	int32_t pid;
	bool admin_socket; /* connected to admin.sock */
};

#endif
