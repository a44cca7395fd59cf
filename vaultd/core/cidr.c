#include "vaultd/core/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V4_BITS 96 /* of the prefix that IPv4 addresses stand behind */

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_v4(const uint8_t *address)
{
	return memcmp(address, v4_prefix, sizeof v4_prefix) == 0;
}

bool
address_parse(struct vault_text text, uint8_t address[static ADDRESS_BYTES])
{
	uint8_t read[ADDRESS_BYTES];
	char zero_ended[INET6_ADDRSTRLEN];

	if (text.len >= sizeof zero_ended || memchr(text.p, '\0', text.len) != NULL)
		return false;
	memcpy(zero_ended, text.p, text.len);
	zero_ended[text.len] = '\0';
	memcpy(read, v4_prefix, sizeof v4_prefix);
	if (inet_pton(AF_INET, zero_ended, read + sizeof v4_prefix) != 1 &&
	    inet_pton(AF_INET6, zero_ended, read) != 1)
		return false;
	memcpy(address, read, ADDRESS_BYTES);
	return true;
}

/* One to three digits without a leading zero. */
static bool
parse_bits(struct vault_text text, unsigned max, unsigned *bits)
{
	unsigned v = 0;

	if (text.len < 1 || text.len > 3 || (text.len > 1 && text.p[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(text.p[i] - '0');
	}
	*bits = v;
	return v <= max;
}

static uint8_t
mask_of(unsigned bits)
{
	return (uint8_t)(0xff00u >> bits);
}

static bool
ends_at(const uint8_t *address, unsigned bits)
{
	if (bits == 8 * ADDRESS_BYTES)
		return true;
	if ((address[bits / 8] & (uint8_t)~mask_of(bits % 8)) != 0)
		return false;
	for (unsigned i = bits / 8 + 1; i < ADDRESS_BYTES; i++)
		if (address[i] != 0)
			return false;
	return true;
}

bool
cidr_parse(struct vault_text text, uint8_t cidr[static CIDR_BYTES])
{
	const char *slash = text.len == 0 ? NULL : memchr(text.p, '/', text.len);
	struct vault_text address = { text.p, slash == NULL ? text.len : (size_t)(slash - text.p) };
	/* What is written with dots counts its bits from the IPv4 address on. */
	bool dotted = address.len > 0 && memchr(address.p, ':', address.len) == NULL;
	unsigned base = dotted ? V4_BITS : 0, bits = 8 * ADDRESS_BYTES - base;
	uint8_t read[ADDRESS_BYTES];

	if (address.len == 0 || !address_parse(address, read))
		return false;
	if (slash != NULL &&
	    !parse_bits((struct vault_text){ slash + 1, text.len - address.len - 1 }, bits, &bits))
		return false;
	if (!ends_at(read, base + bits))
		return false;
	cidr[0] = (uint8_t)(base + bits);
	memcpy(cidr + 1, read, ADDRESS_BYTES);
	return true;
}

size_t
cidr_format(const uint8_t cidr[static CIDR_BYTES], char text[static CIDR_TEXT_MAX])
{
	bool v4 = cidr[0] >= V4_BITS && is_v4(cidr + 1);
	char address[INET6_ADDRSTRLEN];

	if (v4)
		inet_ntop(AF_INET, cidr + 1 + sizeof v4_prefix, address, sizeof address);
	else
		inet_ntop(AF_INET6, cidr + 1, address, sizeof address);
	return (size_t)snprintf(text, CIDR_TEXT_MAX, "%s/%u", address,
				v4 ? cidr[0] - V4_BITS : cidr[0]);
}

static bool
cidr_holds(const uint8_t *cidr, const uint8_t *address)
{
	unsigned whole = cidr[0] / 8u, rest = cidr[0] % 8u;

	/* ::/0 is all of IPv6 and not IPv4, which only shows as part of it. */
	if (cidr[0] < V4_BITS && is_v4(address))
		return false;
	if (memcmp(cidr + 1, address, whole) != 0)
		return false;
	return rest == 0 || ((cidr[1 + whole] ^ address[whole]) & mask_of(rest)) == 0;
}

bool
cidrs_hold(struct vault_bytes cidrs, const uint8_t address[static ADDRESS_BYTES])
{
	for (size_t at = 0; at + CIDR_BYTES <= cidrs.len; at += CIDR_BYTES)
		if (cidr_holds(cidrs.p + at, address))
			return true;
	return false;
}
