#include "vaultd/base/base32.h"

/* 0 to 25 are letters, 26 to 31 the digits from 2 on; without a branch or a table. */
static char
digit_of(unsigned v)
{
	unsigned is_digit = (25 - v) >> 31;

	return (char)(v + 'A' - is_digit * ('A' - '2' + 26));
}

size_t
base32_encode_secret(const uint8_t *p, size_t n, char *out)
{
	size_t length = 0;
	unsigned bits = 0, held = 0; /* bits of the input not yet written */

	for (size_t i = 0; i < n; i++) {
		bits = (bits << 8 | p[i]) & 0xfff;
		for (held += 8; held >= 5; held -= 5)
			out[length++] = digit_of(bits >> (held - 5) & 31);
	}
	if (held > 0)
		out[length++] = digit_of(bits << (5 - held) & 31);
	return length;
}
