/*
 * A directory of a test's own, in memory where there is a tmpfs.
 */
#ifndef TEST_DIRECTORY_H
#define TEST_DIRECTORY_H

#define DIRECTORY_MAX 64

/* Makes one of mode 0700 and tells its path. */
void directory_make(char path[static DIRECTORY_MAX]);
/* Removes it with all that is in it. */
void directory_remove(const char *path);

#endif
