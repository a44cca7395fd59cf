#include "vaultd/net/conns.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_FIRST 64 /* places; doubled when they are taken */

static bool
grow(struct worker *worker)
{
	size_t size = worker->table_size == 0 ? TABLE_FIRST : 2 * worker->table_size;
	struct conn **table = realloc(worker->table, size * sizeof *table);

	if (table == NULL)
		return false;
	memset(table + worker->table_size, 0, (size - worker->table_size) * sizeof *table);
	worker->table = table;
	worker->table_size = size;
	return true;
}

bool
conns_add(struct worker *worker, struct conn *conn)
{
	size_t index = 0;

	while (index < worker->table_size && worker->table[index] != NULL)
		index++;
	if (index == worker->table_size && !grow(worker))
		return false;
	worker->table[index] = conn;
	conn->id = (uint64_t)++worker->next_conn << 32 | index;
	return true;
}

struct conn *
conns_find(const struct worker *worker, uint64_t id)
{
	size_t index = id & UINT32_MAX;
	struct conn *conn = index < worker->table_size ? worker->table[index] : NULL;

	return conn != NULL && conn->id == id ? conn : NULL;
}
