#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/handle.h"
#include "protocol/text.h"

#define SCRATCH_SIZE 8192		    /* what the lists of most results need */
#define SCRATCH_LIMIT (16u * 1024u * 1024u) /* and of a page of the largest records */

static enum vault_err
handle_make(const struct vault_options *options, struct vault **out)
{
	struct vault *v = calloc(1, sizeof *v);

	*out = NULL;
	if (v == NULL)
		return VAULT_BUSY;
	if (scratch_init(&v->scratch, SCRATCH_SIZE, SCRATCH_LIMIT) != VAULT_OK) {
		free(v);
		return VAULT_BUSY;
	}
	v->fd = -1;
	v->pid = getpid();
	v->timeout_ms = VAULT_TIMEOUT_MS;
	if (options != NULL && options->timeout_ms > 0)
		v->timeout_ms = options->timeout_ms;
	if (options != NULL && options->client != NULL)
		memcpy(v->client, options->client, strnlen(options->client, CLIENT_NAME_MAX));
	*out = v;
	return VAULT_OK;
}

enum vault_err
vault_open(const char *path, const struct vault_options *options, struct vault **out)
{
	struct vault *v;

	TRY(handle_make(options, out));
	v = *out;
	if (path == NULL)
		path = secure_getenv("VAULTD_SOCKET");
	if (path == NULL || path[0] == '\0')
		path = VAULT_SOCKET_DEFAULT;
	v->path = strdup(path);
	if (v->path == NULL)
		return client_fail(v, VAULT_LOCAL_MEMORY, ENOMEM, "memory is short");
	return vault_reconnect(v);
}

enum vault_err
vault_open_fd(int fd, const struct vault_options *options, struct vault **out)
{
	struct vault *v;
	enum vault_err err = handle_make(options, out);
	int flags;

	if (err != VAULT_OK) {
		close(fd);
		return err;
	}
	v = *out;
	v->fd = fd;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return client_fail(v, VAULT_LOCAL_CONNECT, errno, "the descriptor cannot be used");
	return client_greet(v);
}

enum vault_err
vault_reconnect(struct vault *v)
{
	if (v->pid != getpid())
		return client_fail(v, VAULT_LOCAL_USE, 0,
				   "the handle belongs to the process that opened it");
	client_disconnect(v);
	client_forget_events(v);
	if (v->path == NULL)
		return client_fail(v, VAULT_LOCAL_CONNECT, 0,
				   "a handle made of a descriptor cannot reconnect");
	TRY(client_connect(v, client_deadline_ms(v)));
	return client_greet(v);
}

enum vault_err
client_greet(struct vault *v)
{
	static const int64_t versions[] = { 1 };
	struct vault_sys_hello_req req = { .protocol = { versions, 1 } };
	struct vault_sys_hello_res res;

	if (v->client[0] != '\0')
		req.client = vault_text(v->client);
	return vault_sys_hello(v, &req, &res);
}

void
client_disconnect(struct vault *v)
{
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	v->write_ended = false;
	v->in_flight_n = 0;
	for (size_t i = 0; i < v->kept_n; i++)
		buf_free(&v->kept[i].bytes);
	v->kept_n = 0;
	buf_free(&v->out);
	buf_free(&v->in);
	v->scan = (struct scan){ 0 };
	buf_free(&v->reply);
	scratch_reset(&v->scratch, true);
}

void
vault_close(struct vault *v)
{
	if (v == NULL)
		return;
	client_disconnect(v);
	client_forget_events(v);
	scratch_free(&v->scratch);
	free(v->kept);
	free(v->path);
	explicit_bzero(v, sizeof *v);
	free(v);
}

enum vault_err
client_ready(struct vault *v)
{
	if (v->pid != getpid())
		return client_fail(v, VAULT_LOCAL_USE, 0,
				   "the handle belongs to the process that opened it");
	if (v->fd < 0)
		return client_fail(v, VAULT_LOCAL_USE, ENOTCONN,
				   "the connection is gone; call vault_reconnect");
	return VAULT_OK;
}

int
vault_fd(const struct vault *v)
{
	return v->fd;
}

void
vault_set_timeout(struct vault *v, int timeout_ms)
{
	v->timeout_ms = timeout_ms > 0 ? timeout_ms : VAULT_TIMEOUT_MS;
}

enum vault_err
vault_set_actor(struct vault *v, struct vault_text actor)
{
	if (actor.len > ACTOR_MAX || !text_utf8(actor.p, actor.len))
		return client_fail(v, VAULT_LOCAL_USE, 0, "an actor is at most 128 bytes of UTF-8");
	if (actor.len > 0)
		memcpy(v->actor, actor.p, actor.len);
	v->common.actor = (struct vault_text){ actor.p == NULL ? NULL : v->actor, actor.len };
	return VAULT_OK;
}

bool
vault_replayed(const struct vault *v)
{
	return v != NULL && v->replayed;
}

enum vault_err
vault_set_request_id(struct vault *v, struct vault_text id)
{
	if (id.len < 1 || id.len > REQUEST_ID_MAX || !text_utf8(id.p, id.len))
		return client_fail(v, VAULT_LOCAL_USE, 0, "a request_id is 1 to 64 bytes of UTF-8");
	memcpy(v->request_id, id.p, id.len);
	v->common.request_id = (struct vault_text){ v->request_id, id.len };
	return VAULT_OK;
}
