/*
 * What one core signs with the library alone, nothing around it: what the daemon's rates are held
 * against.
 */
#ifndef VAULT_BENCH_LIBRARY_H
#define VAULT_BENCH_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct library_run {
	int algorithm;	/* enum key_algorithm: EdDSA (libsodium), ES256 or RS256 (libcrypto) */
	size_t message; /* bytes, hashed as well */
	double seconds;
};

/*
 * Signatures a second, with a key that is decoded and prepared beforehand. False where the library
 * refuses or has no such algorithm.
 */
bool library_measure(const struct library_run *run, double *rate);

/*
 * Bytes a second at which one core reads a file (twice, so that it is in memory the second time)
 * and seals it by libsodium's secretstream, in chunks as a backup's. False, with errno, where it
 * cannot be read.
 */
bool library_stream(const char *path, double *rate);

#endif
