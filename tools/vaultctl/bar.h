/*
 * How far something long has got: one line of the terminal that stderr is, drawn over and over.
 * Nothing where nobody looks.
 */
#ifndef VAULTCTL_BAR_H
#define VAULTCTL_BAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/types.h"

#define BAR_AFTER_MS 500  /* what ends sooner needs no bar */
#define BAR_PERIOD_MS 100 /* between two drawings */
#define BAR_LABEL_MAX 64  /* bytes */
#define BAR_UNIT_MAX 32	  /* likewise */
#define BAR_TEXT_MAX 512  /* bytes of a line with its NUL */

struct bar {
	bool shown;		   /* somebody looks */
	bool drawn;		   /* a line stands there */
	char label[BAR_LABEL_MAX]; /* in front of it; "": none */
	char unit[BAR_UNIT_MAX];   /* of what is counted, "rows"; "": bytes */
	int64_t begun_ms, next_ms; /* it is drawn not before the latter */
	uint64_t before; /* what was done when it was looked at first: no merit of the time since */
};

struct bar_at {
	uint64_t done, total; /* total 0: not known */
	uint64_t
		bytes; /* that went through, where they are told instead of what is counted; or 0 */
};

/* The line after so many milliseconds; it has no control characters and no newline. */
void bar_text(const struct bar *bar, const struct bar_at *at, int64_t spent_ms,
	      char out[static BAR_TEXT_MAX]);

/* The clock that bars go by. */
int64_t bar_now_ms(void);

/* shown: whether somebody looks. label and unit (of bytes) may be NULL. */
void bar_begin(struct bar *bar, bool shown, const char *label, const char *unit);
/* Other names, for what is shown next; a daemon may give them. */
void bar_name(struct bar *bar, struct vault_text label, struct vault_text unit);
/* Something else is measured from here on, of which so much was done before. */
void bar_restart(struct bar *bar, uint64_t done);
void bar_show(struct bar *bar, const struct bar_at *at);
/* All of it is done: a full bar stays on a line of its own. */
void bar_finish(struct bar *bar, const struct bar_at *at);
/* It goes; what is told next stands in its place. */
void bar_end(struct bar *bar);
/* The same for a moment: the next drawing brings it back. */
void bar_hide(const struct bar *bar);

#endif
