/*
 * One-time codes: giving one on the connection that needs it, and showing a new enrolment.
 */
#ifndef VAULTCTL_TOTP_H
#define VAULTCTL_TOTP_H

#include "protocol/cursor.h"
#include "tools/vaultctl/ctl.h"

/* Gives the daemon a code, from where --totp says or asked for on the terminal; the exit code. */
int totp_give(struct ctl *ctl, struct vault *vault);
/* Whether somebody can be asked for a code that the daemon wants, and was not yet. */
bool totp_can_ask(const struct ctl *ctl);

/* Shows what totp.enroll answered, for people: the QR code, its text, the recovery codes. */
void totp_show(const struct ctl *ctl, struct cursor result);

#endif
