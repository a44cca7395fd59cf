#include "tools/vaultctl/pack.h"

#include <stdio.h>
#include <stdlib.h>

#include "protocol/value.h"

static struct codec_writer
into(struct buf *b)
{
	return (struct codec_writer){ .out = b };
}

/* A command that cannot hold its own arguments has nothing left to do. */
static void
done(bool failed)
{
	if (!failed)
		return;
	fputs("vaultctl: memory is short\n", stderr);
	exit(1);
}

void
pack_raw(struct buf *b, const void *p, size_t n)
{
	done(buf_append(b, p, n) != VAULT_OK);
}

#define PACK(name, type, write)                                                                    \
	void name(struct buf *b, type v)                                                           \
	{                                                                                          \
		struct codec_writer w = into(b);                                                   \
                                                                                                   \
		write(&w, v);                                                                      \
		done(w.failed);                                                                    \
	}
PACK(pack_bool, bool, value_bool)
PACK(pack_int, int64_t, value_int)
PACK(pack_float, double, value_float)
PACK(pack_str, struct vault_text, value_text)
PACK(pack_bin, struct vault_bytes, value_bytes)
PACK(pack_array, uint32_t, value_array)
PACK(pack_map, uint32_t, value_map)

void
pack_nil(struct buf *b)
{
	struct codec_writer w = into(b);

	value_nil(&w);
	done(w.failed);
}
