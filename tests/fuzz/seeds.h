/*
 * Seeds that a fuzzer makes itself, so that they follow the lists they are made from: written into
 * the first corpus directory of its command line before it is read.
 */
#ifndef FUZZ_SEEDS_H
#define FUZZ_SEEDS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/buf.h"
#include "protocol/value.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first argument that is no option; NULL where there is none. */
static inline const char *
seeds_directory(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-')
			return argv[i];
	return NULL;
}

static inline void
seed_write(const char *directory, unsigned number, const struct buf *bytes)
{
	char path[4096];
	FILE *file;

	if (directory == NULL)
		return;
	snprintf(path, sizeof path, "%s/seed-%u", directory, number);
	file = fopen(path, "w");
	if (file == NULL)
		return; /* a single input that is tried again, not a directory */
	if (fwrite(buf_data(bytes), 1, buf_len(bytes), file) != buf_len(bytes))
		abort();
	fclose(file);
}

/* What must hold whatever the input: a violation is a finding. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#endif
