/*
 * One child that is given secrets: in its environment, or as sealed files in memory whose paths
 * stand there. Nothing touches a disk, nobody else inherits anything, and nothing is left here once
 * the child runs.
 */
#ifndef VAULTCTL_CHILD_H
#define VAULTCTL_CHILD_H

#include "protocol/types.h"
#include "tools/vaultctl/ctl.h"

#define CHILD_GIFTS_MAX 128

/* An entry of the child's environment, and the file behind it. */
struct gift {
	char *entry; /* NAME=value; wiped and freed */
	size_t size; /* of entry, its NUL included */
	int fd;	     /* -1: none */
};

struct child {
	struct gift gifts[CHILD_GIFTS_MAX];
	size_t n;
};
/* Wipes what is still here; closes the files. */
void child_free(struct child *child);

/* NAME=value. false where memory is short, the value holds a NUL, or there are too many: told. */
bool child_give(const struct ctl *ctl, struct child *child, struct vault_text name,
		struct vault_bytes value);
/* NAME=/proc/self/fd/N: a sealed file in memory with the value. false: told already. */
bool child_give_file(const struct ctl *ctl, struct child *child, struct vault_text name,
		     struct vault_bytes value);

/*
 * Runs the command line (argv[0] found by PATH) and waits; what it was given is wiped here as soon
 * as it runs. Signals go on to it. Answers its exit code, 128 and the number of the signal that
 * ended it, 127 or 126 (told already) where it could not be run; -1 (told) where nothing was tried.
 */
int child_run(const struct ctl *ctl, struct child *child, char *const *argv);

/* Keeps other processes of this user from looking into this one, and it from leaving a core. */
void child_guard(void);

#endif
