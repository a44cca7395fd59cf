#include "vaultd/base/base64_wide.h"

#if defined(__x86_64__)

#include <tmmintrin.h>

#define GROUP_BYTES 3
#define STEP_BYTES 12 /* of input, which make one register of characters */
#define LOAD_BYTES 16 /* read to get them */
#define LOAD_BEFORE (LOAD_BYTES - STEP_BYTES)

/*
 * W. Mula and D. Lemire, Faster Base64 Encoding and Decoding using AVX2 Instructions (2018),
 * section 3: three bytes are spread over four, and two multiplications shift each six bits into its
 * own byte.
 */
__attribute__((target("ssse3"))) static __m128i
split(__m128i in)
{
	const __m128i spread = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
	__m128i high, low;

	in = _mm_shuffle_epi8(in, spread);
	high = _mm_mulhi_epu16(_mm_and_si128(in, _mm_set1_epi32(0x0fc0fc00)),
			       _mm_set1_epi32(0x04000040));
	low = _mm_mullo_epi16(_mm_and_si128(in, _mm_set1_epi32(0x003f03f0)),
			      _mm_set1_epi32(0x01000010));
	return _mm_or_si128(high, low);
}

/* Each value finds its run of the alphabet, and so what to add to become a character. */
__attribute__((target("ssse3"))) static __m128i
digits(__m128i values)
{
	const __m128i offsets = _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
					      '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
					      '0' - 52, '-' - 62, '_' - 63, 'A', 0, 0);
	/* 0 for values to 51, then 1 to 12; 13 for those below 26. */
	__m128i run = _mm_subs_epu8(values, _mm_set1_epi8(51));
	__m128i upper = _mm_cmpgt_epi8(_mm_set1_epi8(26), values);

	run = _mm_or_si128(run, _mm_and_si128(upper, _mm_set1_epi8(13)));
	return _mm_add_epi8(values, _mm_shuffle_epi8(offsets, run));
}

/* The characters of the twelve bytes from at on, whose load begins before them. */
__attribute__((target("ssse3"))) static void
step(const uint8_t *p, size_t at, char *out)
{
	__m128i in = _mm_loadu_si128((const __m128i *)(const void *)(p + at - LOAD_BEFORE));

	_mm_storeu_si128((__m128i *)(void *)(out + at / GROUP_BYTES * 4),
			 digits(split(_mm_srli_si128(in, LOAD_BEFORE))));
}

/* The last step ends with the last whole group, and may do some a second time. */
__attribute__((target("ssse3"))) static size_t
encode(const uint8_t *p, size_t n, char *out)
{
	size_t whole = n / GROUP_BYTES * GROUP_BYTES, done = STEP_BYTES;

	if (n < LOAD_BYTES)
		return 0;
	_mm_storeu_si128((__m128i *)(void *)out,
			 digits(split(_mm_loadu_si128((const __m128i *)(const void *)p))));
	for (; whole - done >= STEP_BYTES; done += STEP_BYTES)
		step(p, done, out);
	/* Of fifteen bytes no load ends with the last and begins with the first. */
	if (done == whole || whole < LOAD_BYTES)
		return done;
	step(p, whole - STEP_BYTES, out);
	return whole;
}

size_t
base64url_encode_wide(const uint8_t *p, size_t n, char *out)
{
	return __builtin_cpu_supports("ssse3") ? encode(p, n, out) : 0;
}

#else

size_t
base64url_encode_wide(const uint8_t *p, size_t n, char *out)
{
	(void)p;
	(void)n;
	(void)out;
	return 0;
}

#endif
