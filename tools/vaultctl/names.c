#include "tools/vaultctl/names.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#define ENTRY_MAX 65536 /* bytes of an entry; a group may have many members */

bool
names_user(const char *name, uid_t *uid)
{
	struct passwd entry, *found = NULL;
	char room[ENTRY_MAX];

	if (getpwnam_r(name, &entry, room, sizeof room, &found) != 0 || found == NULL)
		return false;
	*uid = entry.pw_uid;
	return true;
}

bool
names_group(const char *name, gid_t *gid)
{
	struct group entry, *found = NULL;
	char room[ENTRY_MAX];

	if (getgrnam_r(name, &entry, room, sizeof room, &found) != 0 || found == NULL)
		return false;
	*gid = entry.gr_gid;
	return true;
}

bool
names_of_group(gid_t gid, char *out, size_t size)
{
	struct group entry, *found = NULL;
	char room[ENTRY_MAX];

	if (getgrgid_r(gid, &entry, room, sizeof room, &found) != 0 || found == NULL)
		return false;
	snprintf(out, size, "%s", entry.gr_name);
	return true;
}
