#include "vaultd/base/base64.h"

#include "vaultd/base/base64_wide.h"

#define GROUP_BYTES 3 /* of plain octets, which four characters stand for */
#define GROUP_CHARS 4
#define NOT_A_DIGIT 0xff

static const char url_digits[64] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* What each character stands for, plus one; 0 for those that are no digit. */
#define UPPER(c) [c] = (c) - 'A' + 1
#define LOWER(c) [c] = (c) - 'a' + 27
#define DIGIT(c) [c] = (c) - '0' + 53
static const uint8_t url_values[256] = {
	UPPER('A'), UPPER('B'), UPPER('C'), UPPER('D'), UPPER('E'), UPPER('F'), UPPER('G'),
	UPPER('H'), UPPER('I'), UPPER('J'), UPPER('K'), UPPER('L'), UPPER('M'), UPPER('N'),
	UPPER('O'), UPPER('P'), UPPER('Q'), UPPER('R'), UPPER('S'), UPPER('T'), UPPER('U'),
	UPPER('V'), UPPER('W'), UPPER('X'), UPPER('Y'), UPPER('Z'), LOWER('a'), LOWER('b'),
	LOWER('c'), LOWER('d'), LOWER('e'), LOWER('f'), LOWER('g'), LOWER('h'), LOWER('i'),
	LOWER('j'), LOWER('k'), LOWER('l'), LOWER('m'), LOWER('n'), LOWER('o'), LOWER('p'),
	LOWER('q'), LOWER('r'), LOWER('s'), LOWER('t'), LOWER('u'), LOWER('v'), LOWER('w'),
	LOWER('x'), LOWER('y'), LOWER('z'), DIGIT('0'), DIGIT('1'), DIGIT('2'), DIGIT('3'),
	DIGIT('4'), DIGIT('5'), DIGIT('6'), DIGIT('7'), DIGIT('8'), DIGIT('9'), ['-'] = 63,
	['_'] = 64,
};

/*
 * The value of a character, NOT_A_DIGIT (which has bits above the low six) for one that has none.
 */
static uint32_t
url_value(char c)
{
	return (uint8_t)(url_values[(uint8_t)c] - 1);
}

_Static_assert((uint8_t)(0 - 1) == NOT_A_DIGIT, "no digit wraps to a value with high bits");

size_t
base64url_encode(const uint8_t *p, size_t n, char *out)
{
	size_t done = base64url_encode_wide(p, n, out);
	char *at = out + done / GROUP_BYTES * GROUP_CHARS;

	/* An empty input may be NULL, to which not even zero may be added. */
	if (done > 0)
		p += done;
	n -= done;
	for (; n >= GROUP_BYTES; n -= GROUP_BYTES, p += GROUP_BYTES, at += GROUP_CHARS) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		at[0] = url_digits[v >> 18];
		at[1] = url_digits[v >> 12 & 63];
		at[2] = url_digits[v >> 6 & 63];
		at[3] = url_digits[v & 63];
	}
	if (n > 0) {
		uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);

		*at++ = url_digits[v >> 18];
		*at++ = url_digits[v >> 12 & 63];
		if (n == 2)
			*at++ = url_digits[v >> 6 & 63];
	}
	return (size_t)(at - out);
}

/*
 * The two or three characters behind the last whole group: the bits that no octet takes must be
 * zero.
 */
static bool
decode_tail(const char *p, size_t n, uint8_t *out)
{
	uint32_t a = url_value(p[0]), b = url_value(p[1]), c = n == 3 ? url_value(p[2]) : 0;
	uint32_t v = a << 18 | b << 12 | c << 6;

	if ((a | b | c) > 63 || (v & (n == 3 ? 0xff : 0xffff)) != 0)
		return false;
	out[0] = (uint8_t)(v >> 16);
	if (n == 3)
		out[1] = (uint8_t)(v >> 8);
	return true;
}

bool
base64url_decode(const char *p, size_t n, uint8_t *out, size_t *len)
{
	size_t tail = n % GROUP_CHARS;
	size_t whole = n - tail;
	uint32_t seen = 0;
	uint8_t *at = out;

	for (size_t i = 0; i < whole; i += GROUP_CHARS, at += GROUP_BYTES) {
		uint32_t a = url_value(p[i]), b = url_value(p[i + 1]), c = url_value(p[i + 2]),
			 d = url_value(p[i + 3]);
		uint32_t v = a << 18 | b << 12 | c << 6 | d;

		seen |= a | b | c | d;
		at[0] = (uint8_t)(v >> 16);
		at[1] = (uint8_t)(v >> 8);
		at[2] = (uint8_t)v;
	}
	if (seen > 63 || tail == 1 || (tail > 1 && !decode_tail(p + whole, tail, at)))
		return false;
	*len = (size_t)(at - out) + (tail > 1 ? tail - 1 : 0);
	return true;
}

/* All bits set where lo <= c <= hi, none elsewhere; without a branch or a table lookup. */
static int
between(int c, int lo, int hi)
{
	return ((lo - 1 - c) & (c - hi - 1)) >> 8;
}

/*
 * The character of a value of six bits in the standard alphabet. Each run's offset is added where
 * it applies.
 */
static char
secret_digit(int v)
{
	return (char)(v + (between(v, 0, 25) & 'A') + (between(v, 26, 51) & ('a' - 26)) +
		      (between(v, 52, 61) & ('0' - 52)) + (between(v, 62, 62) & ('+' - 62)) +
		      (between(v, 63, 63) & ('/' - 63)));
}

/* The reverse; -1 for what is no digit. */
static int
secret_value(int c)
{
	return -1 + (between(c, 'A', 'Z') & (c - 'A' + 1)) +
	       (between(c, 'a', 'z') & (c - 'a' + 27)) + (between(c, '0', '9') & (c - '0' + 53)) +
	       (between(c, '+', '+') & 63) + (between(c, '/', '/') & 64);
}

size_t
base64_encode_secret(const uint8_t *p, size_t n, char *out)
{
	char *at = out;

	for (size_t i = 0; i < n; i += GROUP_BYTES, at += GROUP_CHARS) {
		size_t left = n - i;
		int v = p[i] << 16 | (left > 1 ? p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);

		at[0] = secret_digit(v >> 18);
		at[1] = secret_digit(v >> 12 & 63);
		at[2] = '=';
		at[3] = '=';
		if (left > 1)
			at[2] = secret_digit(v >> 6 & 63);
		if (left > 2)
			at[3] = secret_digit(v & 63);
	}
	return (size_t)(at - out);
}

/* Only the length, with how much of it is padding, decides what this does. */
bool
base64_decode_secret(const char *p, size_t n, uint8_t *out, size_t *len)
{
	int bad = 0;
	unsigned bits = 0, have = 0;
	size_t written = 0;

	for (int i = 0; i < 2 && n > 0 && (n + (size_t)i) % GROUP_CHARS == 0 && p[n - 1] == '=';
	     i++)
		n--;
	if (n % GROUP_CHARS == 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int v = secret_value((uint8_t)p[i]);

		bad |= v;
		bits = bits << 6 | ((unsigned)v & 63);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[written++] = (uint8_t)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	/* A value of -1 leaves bad negative; bits that no octet took must be zero. */
	if (bad < 0 || bits != 0)
		return false;
	*len = written;
	return true;
}
