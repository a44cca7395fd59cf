#include "vaultd/base/crc32.h"

#include "vaultd/base/bytes.h"

/*
 * Four bytes a step. The CRC is linear over GF(2): a table's entry is the XOR of what each of its
 * index's bits contributes, so that the tables need neither a start-up nor a page of numbers. Table
 * k is for a byte with k bytes behind it; its eight numbers are 1 << j run through 8 * (k + 1) steps
 * of the reflected polynomial 0xedb88320.
 */
#define BIT(i, j, value) (((i) >> (j)&1) != 0 ? (value) : 0)
#define TABLE0(i)                                                                                  \
	(BIT(i, 0, 0x77073096u) ^ BIT(i, 1, 0xee0e612cu) ^ BIT(i, 2, 0x076dc419u) ^                \
	 BIT(i, 3, 0x0edb8832u) ^ BIT(i, 4, 0x1db71064u) ^ BIT(i, 5, 0x3b6e20c8u) ^                \
	 BIT(i, 6, 0x76dc4190u) ^ BIT(i, 7, 0xedb88320u))
#define TABLE1(i)                                                                                  \
	(BIT(i, 0, 0x191b3141u) ^ BIT(i, 1, 0x32366282u) ^ BIT(i, 2, 0x646cc504u) ^                \
	 BIT(i, 3, 0xc8d98a08u) ^ BIT(i, 4, 0x4ac21251u) ^ BIT(i, 5, 0x958424a2u) ^                \
	 BIT(i, 6, 0xf0794f05u) ^ BIT(i, 7, 0x3b83984bu))
#define TABLE2(i)                                                                                  \
	(BIT(i, 0, 0x01c26a37u) ^ BIT(i, 1, 0x0384d46eu) ^ BIT(i, 2, 0x0709a8dcu) ^                \
	 BIT(i, 3, 0x0e1351b8u) ^ BIT(i, 4, 0x1c26a370u) ^ BIT(i, 5, 0x384d46e0u) ^                \
	 BIT(i, 6, 0x709a8dc0u) ^ BIT(i, 7, 0xe1351b80u))
#define TABLE3(i)                                                                                  \
	(BIT(i, 0, 0xb8bc6765u) ^ BIT(i, 1, 0xaa09c88bu) ^ BIT(i, 2, 0x8f629757u) ^                \
	 BIT(i, 3, 0xc5b428efu) ^ BIT(i, 4, 0x5019579fu) ^ BIT(i, 5, 0xa032af3eu) ^                \
	 BIT(i, 6, 0x9b14583du) ^ BIT(i, 7, 0xed59b63bu))

#define FOUR(table, i) table(i), table(i + 1), table(i + 2), table(i + 3)
#define SIXTEEN(table, i)                                                                          \
	FOUR(table, i), FOUR(table, i + 4), FOUR(table, i + 8), FOUR(table, i + 12)
#define SIXTY_FOUR(table, i)                                                                       \
	SIXTEEN(table, i), SIXTEEN(table, i + 16), SIXTEEN(table, i + 32), SIXTEEN(table, i + 48)
#define ALL(table)                                                                                 \
	SIXTY_FOUR(table, 0), SIXTY_FOUR(table, 64), SIXTY_FOUR(table, 128), SIXTY_FOUR(table, 192)

static const uint32_t tables[4][256] = {
	{ ALL(TABLE0) }, { ALL(TABLE1) }, { ALL(TABLE2) }, { ALL(TABLE3) }
};

uint32_t
crc32_of(struct vault_bytes bytes)
{
	const uint8_t *p = bytes.p;
	size_t left = bytes.len;
	uint32_t crc = UINT32_MAX;

	for (; left >= 4; left -= 4, p += 4) {
		crc ^= get_le32(p);
		crc = tables[3][crc & 255] ^ tables[2][crc >> 8 & 255] ^
		      tables[1][crc >> 16 & 255] ^ tables[0][crc >> 24];
	}
	for (; left > 0; left--, p++)
		crc = crc >> 8 ^ tables[0][(crc ^ *p) & 255];
	return ~crc;
}
