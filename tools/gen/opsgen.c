/*
 * opsgen: prints what is made from protocol/ops.def and cannot be made by the preprocessor.
 */
#include <string.h>

#include "tools/gen/gen.h"

static int
usage(void)
{
	fputs("usage: opsgen header TEMPLATE TYPES.H   the client's public header\n"
	      "       opsgen markdown                 the tables of PROTOCOL.md\n"
	      "       opsgen json                     everything, for tests and other languages\n"
	      "       opsgen nouns                    the nouns of vaultctl, one a line\n"
	      "       opsgen man NOUN                 vaultctl-NOUN(1) as scdoc\n",
	      stderr);
	return 1;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int status;

	if (strcmp(what, "header") == 0 && argc == 4)
		status = gen_header(stdout, argv[2], argv[3]);
	else if (strcmp(what, "markdown") == 0 && argc == 2)
		status = gen_markdown(stdout);
	else if (strcmp(what, "json") == 0 && argc == 2)
		status = gen_json(stdout);
	else if (strcmp(what, "nouns") == 0 && argc == 2)
		status = gen_nouns(stdout);
	else if (strcmp(what, "man") == 0 && argc == 3)
		status = gen_man(stdout, argv[2]);
	else
		return usage();
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("opsgen: writing");
		return 1;
	}
	return status;
}
