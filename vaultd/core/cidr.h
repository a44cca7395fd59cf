/*
 * Networks that a request may come from: CIDR for IPv4 and IPv6. Both stand as IPv6, an IPv4 address
 * as ::ffff:a.b.c.d, so that an IPv4 caller seen over an IPv6 socket is the same caller.
 */
#ifndef CORE_CIDR_H
#define CORE_CIDR_H

#include "protocol/error.h"

#define ADDRESS_BYTES 16
#define CIDR_BYTES 17	 /* prefix length in bits, and the address */
#define CIDR_TEXT_MAX 64 /* bytes of the longest text of one, its NUL included */

/* A text of one address, IPv4 or IPv6; no zone, no port. */
bool address_parse(struct vault_text text, uint8_t address[static ADDRESS_BYTES]);
/*
 * ADDRESS/BITS, or an address alone for just that one. False too where bits are set behind the
 * prefix: 10.0.0.5/8 says two things.
 */
bool cidr_parse(struct vault_text text, uint8_t cidr[static CIDR_BYTES]);
/* Its text, always with the prefix; answers the length. */
size_t cidr_format(const uint8_t cidr[static CIDR_BYTES], char text[static CIDR_TEXT_MAX]);
/* Whether one of the networks, CIDR_BYTES each, holds the address. */
bool cidrs_hold(struct vault_bytes cidrs, const uint8_t address[static ADDRESS_BYTES]);

#endif
