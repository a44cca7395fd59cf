/*
 * The systemd unit of a peer: the name of its cgroup, exactly /system.slice/NAME.service. Nothing
 * else counts as a unit: no cgroup below one, no user's slice, no template's instance (systemd puts
 * it into a slice of its own), no scope (what is in it was not started by the service manager). The
 * name is the cgroup's: where systemd escapes one ("cpu.service" lies in "_cpu.service"), it stands
 * escaped.
 */
#ifndef NET_UNIT_H
#define NET_UNIT_H

#include "vaultd/dispatch.h"

/*
 * The unit of the process that connected. Empty where it has none, where it has ended since or
 * lives in another pid namespace, and where the kernel has no SO_PEERPIDFD (before Linux 6.5).
 * VAULT_DENIED where it lives and its cgroup cannot be read; unit is left alone then.
 */
MUST_USE enum vault_err unit_of_peer(int socket, char unit[static UNIT_MAX + 1]);

/*
 * The kernel's two texts. False, with the output left alone, where the text is malformed, or (of a
 * cgroup) names no unit.
 */
/* proc_pid_fdinfo(5) of a pidfd; -1: the process is gone, 0: it is in another pid namespace. */
MUST_USE bool unit_parse_pid(struct vault_text fdinfo, int32_t *pid);
/* cgroups(7), /proc/PID/cgroup: only the unified hierarchy's line counts, anyone may make others. */
MUST_USE bool unit_parse_cgroup(struct vault_text cgroup, char unit[static UNIT_MAX + 1]);

#endif
