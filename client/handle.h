/*
 * The handle's inside. One message at a time is the reply that views point into; others that have
 * arrived wait in kept.
 */
#ifndef CLIENT_HANDLE_H
#define CLIENT_HANDLE_H

#include <sys/types.h>

#include "protocol/buf.h"
#include "protocol/codec.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/ops.h"
#include "protocol/scan.h"
#include "protocol/scratch.h"

#include <vaultclient.h>

#define FAILURE_CODE_MAX 32	/* bytes kept of the daemon's code */
#define FAILURE_MESSAGE_MAX 256 /* and of its message */
#define CLIENT_NAME_MAX 128	/* as sys.hello bounds it */

/* An answer that arrived before it was asked for. */
struct client_kept {
	uint32_t msgid;
	struct buf bytes;
};

struct vault {
	char *path; /* NULL for a handle made of a descriptor */
	int fd;	    /* -1 where there is no connection */
	pid_t pid;
	int timeout_ms;
	uint32_t last_msgid;
	bool write_ended; /* the daemon reads no more; what it still has to say is read */

	uint32_t in_flight[IN_FLIGHT_MAX]; /* msgids sent and not yet answered */
	size_t in_flight_n;
	struct client_kept *kept;
	size_t kept_n;

	struct buf out;
	struct buf in;
	struct scan scan; /* of the message that starts in */
	struct buf reply;
	struct buf events;	/* notifications "event", one behind the other */
	uint64_t events_missed; /* dropped since the last that was handed out */
	struct scratch scratch;

	char client[CLIENT_NAME_MAX + 1];
	char actor[ACTOR_MAX];
	char request_id[REQUEST_ID_MAX];
	struct op_common common;
	bool replayed; /* the last answer was given before */

	struct vault_failure failure;
	char failure_code[FAILURE_CODE_MAX + 1];
	char failure_message[FAILURE_MESSAGE_MAX + 1];
	char failure_field[FAIL_FIELD_MAX + 1];
};

/* Records a failure of the library's own and answers its code; gives the connection up where local
 * says so. */
enum vault_err client_fail(struct vault *v, enum vault_local local, int sys_errno,
			   const char *message);
/* Records what the daemon answered: the error of a reply. */
enum vault_err client_fail_remote(struct vault *v, struct cursor error);

/* Whether a call can be made at all: this process's handle, with a connection. */
enum vault_err client_ready(struct vault *v);
/* Ends the connection and wipes all that was under way. */
void client_disconnect(struct vault *v);
/* Connects to v->path by the deadline. */
enum vault_err client_connect(struct vault *v, int64_t deadline_ms);
/* sys.hello, which tells a daemon from anything else. */
enum vault_err client_greet(struct vault *v);

/* CLOCK_MONOTONIC in milliseconds, and the time by which a call that starts now must end. */
int64_t client_now_ms(void);
int64_t client_deadline_ms(const struct vault *v);

/* Moves bytes: writes what can be written, waits for the socket until the deadline, reads what has
 * come. */
enum vault_err client_pump(struct vault *v, int64_t deadline_ms);

/* What ended a wait. */
enum client_wait { CLIENT_MOVED, CLIENT_LATE, CLIENT_SIGNAL };
/* The same, where it is no failure that nothing comes in time (INT64_MAX: for ever). */
enum vault_err client_wait(struct vault *v, int64_t deadline_ms, enum client_wait *how);

/* Keeps a notification of len bytes; makes room by dropping the oldest. */
void client_keep_event(struct vault *v, const uint8_t *p, size_t len);
void client_forget_events(struct vault *v);
/* Takes the whole messages out of what has been read. */
enum vault_err client_take_events(struct vault *v);

/* What a request consists of: fields of a struct that type describes, or an encoded map where type
 * is NULL. */
struct client_request {
	struct vault_text method;
	const struct object_type *type;
	const void *fields;
	struct vault_map params;
};

/* Wipes the reply and what was decoded from it. */
void client_forget_reply(struct vault *v);
/* Queues a request and wipes the last reply. */
enum vault_err client_submit(struct vault *v, const struct client_request *request,
			     uint32_t *msgid);
/* Waits for an answer and makes it the reply; result starts at its result. */
enum vault_err client_await(struct vault *v, uint32_t msgid, struct cursor *result);

#endif
