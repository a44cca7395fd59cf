/*
 * The command line.
 */
#ifndef VAULT_BENCH_OPTIONS_H
#define VAULT_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define ROUNDS_MAX 100

struct options {
	const char *socket;
	const char *admin_socket;
	const char *redis; /* NULL: not measured */
	const char *method;
	const char *tenant;
	const char *profile;
	const char *key; /* NULL: what --setup makes */
	const char *algorithm;
	const char *apikeys; /* a file of API keys; NULL: none */
	const char *stream;  /* a file to seal by secretstream alone; NULL: none */
	const char *keyfile; /* NULL: neither initialise nor unseal */
	uint64_t connections;
	uint64_t in_flight;
	uint64_t rounds;
	uint64_t count; /* 0: by time */
	uint64_t message;
	uint64_t records;
	uint64_t apikey_count; /* that --setup makes */
	double seconds;
	double warmup;
	bool echo;
	bool floor;
	bool no_vault;
	bool json;
	bool setup;
	bool start_time;
	bool library;
	bool help;
	char **command; /* behind "--": what --start-time starts; NULL-terminated */
};

/* Says on stderr what is wrong, and answers false. */
bool options_parse(int argc, char **argv, struct options *o);
void options_help(void);

#endif
