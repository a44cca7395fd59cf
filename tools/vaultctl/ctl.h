/*
 * What every part of vaultctl shares: the settings of this run, the exit codes, and how it speaks
 * to its user. Results go to stdout, everything else to stderr.
 */
#ifndef VAULTCTL_CTL_H
#define VAULTCTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/error.h"
#include "protocol/ops.h"

#include "tools/vaultctl/bar.h"

#include <vaultclient.h>

enum ctl_exit {
	CTL_DONE = 0,
	CTL_LOCAL = 1,	 /* wrong usage, or something on this side failed */
	CTL_DAEMON = 2,	 /* the daemon answered an error */
	CTL_INVALID = 3, /* a verify answered "not valid" */
};

enum ctl_format { CTL_TABLE, CTL_JSON };

struct ctl {
	const char *socket;
	const char *admin_socket;
	char admin_beside[4096]; /* admin.sock in the directory of a socket that was named */
	const char *tenant;	 /* of --tenant, else of the environment */
	bool tenant_given;	 /* by --tenant */
	const char *actor;	 /* who the caller acts for; NULL: nobody */
	const char *request_id;	 /* NULL: none */
	enum ctl_format format;
	bool quiet;
	bool yes;  /* ask nothing */
	bool show; /* secrets may be printed on a terminal */
	bool all;  /* every page of a list */
	bool qr;   /* draw the QR code wherever the output goes */
	const char
		*totp; /* where a one-time code comes from: "" the terminal, - or @FILE; NULL: not
			   * said */
	bool help;
	int timeout_ms;	  /* 0: not said */
	bool stdin_taken; /* one field has been read from it */
	int64_t now;	  /* seconds since 1970 */
	struct bar bar;	  /* of what takes long; messages take its place */
};

/* Tells what is wrong with the command line, or what failed on this side; answers CTL_LOCAL. */
int ctl_usage(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
int ctl_local(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Tells the handle's failure and what to do about it; answers CTL_DAEMON, or CTL_LOCAL where nobody
 * answered. */
int ctl_failed(const struct ctl *ctl, const struct vault *vault, const struct op_row *row);
/* A remark, unless --quiet. */
void ctl_note(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Begins ctl->bar, which shows itself where the format and --quiet let it and stderr is a terminal. */
void ctl_bar(struct ctl *ctl, const char *label, const char *unit);

/* What reads all of the store or of the audit, or writes to all tenants: it takes as long as they
 * are large. */
bool ctl_takes_long(const struct op_row *row);
/* How long a call of it may take, in milliseconds. */
int ctl_timeout_ms(const struct ctl *ctl, const struct op_row *row);

/* Whether stdout is a terminal; and one that takes colours, by NO_COLOR and TERM. */
bool ctl_on_terminal(void);
bool ctl_colours(void);

/* Asks on the terminal; true without asking where --yes is given or nobody could answer. */
bool ctl_confirm(const struct ctl *ctl, const char *question);

/* Connects to the socket on which the operation is answered, and gives a one-time code there where
 * --totp says so. On failure the exit code; *vault must be closed anyway. */
int ctl_connect(struct ctl *ctl, const struct op_row *row, struct vault **vault);

#endif
