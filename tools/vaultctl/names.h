/*
 * The host's users and groups.
 */
#ifndef VAULTCTL_NAMES_H
#define VAULTCTL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* false where there is none of that name or number. */
bool names_user(const char *name, uid_t *uid);
bool names_group(const char *name, gid_t *gid);
bool names_of_group(gid_t gid, char *out, size_t size);

#endif
