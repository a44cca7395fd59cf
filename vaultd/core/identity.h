/*
 * Who is asking, as the kernel says: read once, when the connection was made.
 */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UID_NOBODY 65534 /* what an unmapped user of another namespace shows as */
#define GID_NOBODY 65534 /* likewise a group */
#define UNIT_MAX 255	 /* bytes of a systemd unit's name */

struct identity {
	uint32_t uid;
	uint32_t gid;
	int32_t pid;
	bool admin_socket;	/* connected to admin.sock */
	const uint32_t *groups; /* supplementary */
	size_t group_count;
	char unit[UNIT_MAX + 1]; /* "lms.service"; empty where none is known */
};

#endif
