/*
 * A share's words: ten bits each, over them the checksum RS1024. A word is found, and written, by
 * looking at all of them, so that the time and the addresses tell nothing of it.
 */
#include <string.h>

#include "vaultd/crypto/shares.h"
#include "vaultd/crypto/shares_words.h"

#define WORD_BITS 10
#define HEAD_WORDS 4 /* id, flag, exponent; groups, index, threshold */
#define CHECKSUM_WORDS 3
#define META_WORDS (HEAD_WORDS + CHECKSUM_WORDS)
#define WORDS_MAX (META_WORDS + (8 * SHARE_VALUE_MAX + WORD_BITS - 1) / WORD_BITS)
#define WORDS_MIN (META_WORDS + (8 * SHARE_VALUE_MIN + WORD_BITS - 1) / WORD_BITS)
#define PADDING_MAX 8 /* bits */
#define CUSTOM "shamir"
#define CUSTOM_EXTENDABLE "shamir_extendable"

_Static_assert(WORDS_MAX *(SHARES_WORD_MAX + 1) <= SHARE_TEXT_WRITTEN_MAX, "room for the words");

/* Numbers of words, in the arena. */
static uint16_t *
words_of(const struct secret *room)
{
	return (uint16_t *)(void *)room->p;
}

static uint32_t
rs1024_step(uint32_t sum, uint32_t value)
{
	static const uint32_t generator[WORD_BITS] = { 0x00e0e040, 0x01c1c080, 0x03838100,
						       0x07070200, 0x0e0e0009, 0x1c0c2412,
						       0x38086c24, 0x3090fc48, 0x21b1f890,
						       0x03f3f120 };
	uint32_t top = sum >> 20;

	sum = (sum & 0xfffff) << WORD_BITS ^ value;
	for (unsigned i = 0; i < WORD_BITS; i++)
		sum ^= generator[i] & (0u - (top >> i & 1));
	return sum;
}

static uint32_t
rs1024(bool extendable, const uint16_t *words, size_t count)
{
	uint32_t sum = 1;

	for (const char *p = extendable ? CUSTOM_EXTENDABLE : CUSTOM; *p != '\0'; p++)
		sum = rs1024_step(sum, (uint8_t)*p);
	for (size_t i = 0; i < count; i++)
		sum = rs1024_step(sum, words[i]);
	return sum;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The word's number, SHARES_WORDS for none; letters: padded with NULs. */
static uint16_t
word_number(const uint8_t letters[static SHARES_WORD_MAX])
{
	uint32_t found = SHARES_WORDS;

	for (uint32_t i = 0; i < SHARES_WORDS; i++) {
		uint32_t other = 0;

		for (unsigned c = 0; c < SHARES_WORD_MAX; c++)
			other |= letters[c] ^ (uint8_t)shares_words[i][c];
		/* All ones where nothing differs. */
		found ^= (found ^ i) & (0u - ((other - 1) >> 31));
	}
	return (uint16_t)found;
}

/* Cuts the text into words; how long each is may be seen, as in the request that brought it. */
static enum vault_err
words_take(struct vault_text text, uint16_t *words, size_t *count)
{
	uint8_t letters[SHARES_WORD_MAX];
	size_t at = 0, bad = 0;

	*count = 0;
	for (;;) {
		size_t len = 0;

		while (at < text.len && is_space(text.p[at]))
			at++;
		if (at == text.len)
			break;
		memset(letters, 0, sizeof letters);
		for (; at < text.len && !is_space(text.p[at]); at++, len++) {
			uint32_t c = (uint8_t)text.p[at];

			/* Capitals become small letters: bit 5, where c is from A to Z. */
			c |= (((c - 'A') >> 31 ^ 1) & (c - 'Z' - 1) >> 31) << 5;
			if (len < SHARES_WORD_MAX)
				letters[len] = (uint8_t)c;
		}
		if (len > SHARES_WORD_MAX || *count == WORDS_MAX) {
			secret_wipe(letters, sizeof letters);
			return VAULT_INVALID_PARAMS;
		}
		words[*count] = word_number(letters);
		bad |= words[(*count)++] >> WORD_BITS;
	}
	secret_wipe(letters, sizeof letters);
	return bad == 0 ? VAULT_OK : VAULT_INVALID_PARAMS;
}

/* The first four words: nothing secret. */
static bool
head_read(const uint16_t *words, struct share *share)
{
	uint32_t id = (uint32_t)words[0] << WORD_BITS | words[1];
	uint32_t place = (uint32_t)words[2] << WORD_BITS | words[3];

	share->id = (uint16_t)(id >> 5);
	share->extendable = (id >> 4 & 1) != 0;
	share->exponent = id & 0xf;
	share->group = place >> 16 & 0xf;
	share->group_threshold = (uint8_t)((place >> 12 & 0xf) + 1);
	share->group_count = (uint8_t)((place >> 8 & 0xf) + 1);
	share->index = place >> 4 & 0xf;
	share->threshold = (uint8_t)((place & 0xf) + 1);
	return share->group_threshold <= share->group_count;
}

/* Bits from the end on, where the value's last byte ends; what is left in front must be zeros. */
static enum vault_err
value_read(const uint16_t *words, size_t count, const struct secret *value)
{
	uint32_t bits = 0, have = 0;
	size_t at = value->len;

	for (size_t i = count; i-- > 0;) {
		bits |= (uint32_t)words[i] << have;
		for (have += WORD_BITS; have >= 8 && at > 0; have -= 8) {
			value->p[--at] = (uint8_t)bits;
			bits >>= 8;
		}
	}
	return bits == 0 ? VAULT_OK : VAULT_INVALID_PARAMS;
}

static enum vault_err
read_words(struct arena *arena, const uint16_t *words, size_t count, struct share *share)
{
	struct share read = { 0 };
	size_t padding = count < WORDS_MIN ? 0 : WORD_BITS * (count - META_WORDS) % 16;
	enum vault_err err;

	if (count < WORDS_MIN || padding > PADDING_MAX || !head_read(words, &read) ||
	    rs1024(read.extendable, words, count) != 1)
		return VAULT_INVALID_PARAMS;
	TRY(secret_new(arena, (WORD_BITS * (count - META_WORDS) - padding) / 8, &read.value));
	err = value_read(words + HEAD_WORDS, count - META_WORDS, &read.value);
	if (err != VAULT_OK) {
		share_free(&read);
		return err;
	}
	*share = read;
	return VAULT_OK;
}

enum vault_err
share_read(struct arena *arena, struct vault_text words, struct share *share)
{
	SECRET_LOCAL(room);
	size_t count;

	if (words.len > SHARE_TEXT_MAX)
		return VAULT_INVALID_PARAMS;
	TRY(secret_new(arena, WORDS_MAX * sizeof(uint16_t), &room));
	TRY(words_take(words, words_of(&room), &count));
	return read_words(arena, words_of(&room), count, share);
}

static void
head_write(const struct share *share, uint16_t *words)
{
	uint32_t id = (uint32_t)share->id << 5 | (uint32_t)share->extendable << 4 | share->exponent;
	uint32_t place = (uint32_t)share->group << 16 |
			 (uint32_t)(share->group_threshold - 1) << 12 |
			 (uint32_t)(share->group_count - 1) << 8 | (uint32_t)share->index << 4 |
			 (uint32_t)(share->threshold - 1);

	words[0] = (uint16_t)(id >> WORD_BITS);
	words[1] = id & 0x3ff;
	words[2] = (uint16_t)(place >> WORD_BITS);
	words[3] = place & 0x3ff;
}

static void
value_write(const struct secret *value, uint16_t *words, size_t count)
{
	uint32_t bits = 0, have = 0;
	size_t at = value->len;

	for (size_t i = count; i-- > 0;) {
		for (; have < WORD_BITS && at > 0; have += 8)
			bits |= (uint32_t)value->p[--at] << have;
		words[i] = bits & 0x3ff;
		bits >>= WORD_BITS;
		have = have < WORD_BITS ? 0 : have - WORD_BITS;
	}
}

/* The word's letters and a space; answers how many bytes that is. */
static size_t
word_write(uint16_t number, char out[static SHARES_WORD_MAX + 1])
{
	uint8_t letters[SHARES_WORD_MAX] = { 0 };
	size_t len = 0;

	for (uint32_t i = 0; i < SHARES_WORDS; i++) {
		uint8_t same = (uint8_t)(0u - (((i ^ number) - 1) >> 31));

		for (unsigned c = 0; c < SHARES_WORD_MAX; c++)
			letters[c] |= same & (uint8_t)shares_words[i][c];
	}
	for (; len < SHARES_WORD_MAX && letters[len] != 0; len++)
		out[len] = (char)letters[len];
	out[len] = ' ';
	secret_wipe(letters, sizeof letters);
	return len + 1;
}

enum vault_err
share_write(struct arena *arena, const struct share *share, struct secret *words)
{
	size_t values = (8 * share->value.len + WORD_BITS - 1) / WORD_BITS, len = 0;
	size_t count = values + META_WORDS;
	SECRET_LOCAL(room);
	SECRET_LOCAL(text);
	uint16_t *numbers;
	uint32_t sum;

	TRY(secret_new(arena, WORDS_MAX * sizeof(uint16_t), &room));
	TRY(secret_new(arena, SHARE_TEXT_WRITTEN_MAX, &text));
	numbers = words_of(&room);
	head_write(share, numbers);
	value_write(&share->value, numbers + HEAD_WORDS, values);
	sum = rs1024(share->extendable, numbers, count) ^ 1;
	for (unsigned i = 0; i < CHECKSUM_WORDS; i++)
		numbers[count - 1 - i] = sum >> WORD_BITS * i & 0x3ff;
	for (size_t i = 0; i < count; i++)
		len += word_write(numbers[i], (char *)text.p + len);
	return secret_copy(arena, text.p, len - 1, words);
}
