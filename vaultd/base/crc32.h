/*
 * CRC-32/ISO-HDLC, as zlib's crc32(): it finds typing errors, and protects from nobody.
 */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include "protocol/types.h"

uint32_t crc32_of(struct vault_bytes bytes);

#endif
