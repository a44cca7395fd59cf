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
	conn->prev = NULL;
	conn->next = worker->conns;
	if (worker->conns != NULL)
		worker->conns->prev = conn;
	worker->conns = conn;
	return true;
}

/* Takes the connection out of a list that is linked through the member at such an offset. */
static void
unlink_from(struct conn **list, const struct conn *conn, size_t member)
{
	while (*list != NULL) {
		struct conn **next = (struct conn **)(void *)((char *)*list + member);

		if (*list == conn) {
			*list = *next;
			return;
		}
		list = next;
	}
}

void
conns_remove(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		worker->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	unlink_from(&worker->waiting, conn, offsetof(struct conn, next_waiting));
	unlink_from(&worker->resting, conn, offsetof(struct conn, next_resting));
	conn->queued = conn->resting = false;
	worker->table[conn->id & UINT32_MAX] = NULL;
}

struct conn *
conns_find(const struct worker *worker, uint64_t id)
{
	size_t index = id & UINT32_MAX;
	struct conn *conn = index < worker->table_size ? worker->table[index] : NULL;

	return conn != NULL && conn->id == id ? conn : NULL;
}
