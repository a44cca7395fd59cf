#include "tests/unit/lib/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_MAX_WALK 8 /* directories open at once while removing */

void
directory_make(char path[static DIRECTORY_MAX])
{
	snprintf(path, DIRECTORY_MAX, "%s/vaultd-test-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(path));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
directory_remove(const char *path)
{
	assert_int_equal(nftw(path, remove_one, OPEN_MAX_WALK, FTW_DEPTH | FTW_PHYS), 0);
}
