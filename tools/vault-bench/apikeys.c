#include "tools/vault-bench/apikeys.h"

#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 65536

void
apikeys_take(struct apikeys *keys, struct vault_bytes reply)
{
	const uint8_t *at = memmem(reply.p, reply.len, APIKEY_MARK, sizeof APIKEY_MARK - 1);

	if (at == NULL || (size_t)(reply.p + reply.len - at) < APIKEY_BYTES)
		return;
	if (buf_append(&keys->texts, at, APIKEY_BYTES) != VAULT_OK)
		warnx("no memory for the key");
}

/* A permutation's step (splitmix64), so that neighbours in time are none in the store. */
const uint8_t *
apikeys_pick(const struct apikeys *keys, uint64_t number)
{
	uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return buf_data(&keys->texts) + x % apikeys_count(keys) * APIKEY_BYTES;
}

static enum vault_err
read_all(struct apikeys *keys, int fd)
{
	ssize_t n;

	do {
		TRY(buf_reserve(&keys->texts, READ_SIZE));
		n = read(fd, keys->texts.p + keys->texts.tail, READ_SIZE);
		if (n > 0)
			keys->texts.tail += (size_t)n;
	} while (n > 0);
	return n == 0 && apikeys_count(keys) > 0 ? VAULT_OK : VAULT_INTERNAL;
}

enum vault_err
apikeys_read(struct apikeys *keys, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum vault_err err = fd < 0 ? VAULT_INTERNAL : read_all(keys, fd);

	if (fd >= 0)
		close(fd);
	if (err != VAULT_OK)
		warn("%s holds no keys", path);
	return err;
}

enum vault_err
apikeys_write(const struct apikeys *keys, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct vault_bytes left = { buf_data(&keys->texts), buf_len(&keys->texts) };
	ssize_t n = 0;

	while (fd >= 0 && left.len > 0 && (n = write(fd, left.p, left.len)) > 0)
		left = (struct vault_bytes){ left.p + n, left.len - (size_t)n };
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && left.len == 0)
		return VAULT_OK;
	warn("%s", path);
	return VAULT_INTERNAL;
}

void
apikeys_free(struct apikeys *keys)
{
	buf_free(&keys->texts);
}
