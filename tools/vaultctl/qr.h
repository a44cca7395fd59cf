/*
 * QR codes drawn with characters, for a phone to read off the terminal.
 */
#ifndef VAULTCTL_QR_H
#define VAULTCTL_QR_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Draws the text. colours: black on white whatever the terminal's own colours are; without them it
 * is meant for light characters on a dark ground. false where it is too long, or memory is short.
 */
bool qr_draw(FILE *out, const char *text, bool colours);

#endif
