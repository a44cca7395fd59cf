/*
 * Writes MessagePack values one by one behind what a buffer holds. Short memory ends the program.
 */
#ifndef VAULTCTL_PACK_H
#define VAULTCTL_PACK_H

#include "protocol/buf.h"
#include "protocol/types.h"

void pack_nil(struct buf *b);
void pack_bool(struct buf *b, bool v);
void pack_int(struct buf *b, int64_t v);
void pack_float(struct buf *b, double v);
void pack_str(struct buf *b, struct vault_text t);
void pack_bin(struct buf *b, struct vault_bytes v);
void pack_array(struct buf *b, uint32_t n);
void pack_map(struct buf *b, uint32_t n);
/* A value that is encoded already. */
void pack_raw(struct buf *b, const void *p, size_t n);

#endif
