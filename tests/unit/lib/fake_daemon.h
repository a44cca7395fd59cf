/*
 * A daemon that is a thread of the test, at the other end of a socket pair, and may behave badly.
 */
#ifndef TESTS_UNIT_LIB_FAKE_DAEMON_H
#define TESTS_UNIT_LIB_FAKE_DAEMON_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/buf.h"
#include "protocol/codec.h"
#include "protocol/frame.h"
#include "protocol/ops.h"
#include "protocol/text.h"
#include "protocol/value.h"

#include <vaultclient.h>

#define FAKE_SHORT_MS 200 /* a deadline that is meant to pass */
#define FAKE_LONG_MS 10000

struct fake;
/* Deals with request number count (from 1; sys.hello apart); false ends the connection. */
typedef bool (*fake_answer)(struct fake *fake, const struct frame *frame, unsigned count);

struct fake {
	int fd;
	fake_answer answer;
	pthread_t thread;
	unsigned count;
	struct buf out;	 /* what answer wants sent */
	uint32_t ids[8]; /* for answer's own use */
};

/* A handle whose daemon answers so; and the end of both. */
struct vault *fake_start(struct fake *fake, fake_answer answer, int timeout_ms);
void fake_stop(struct fake *fake, struct vault *vault);

/* For answer: queues a reply, or any bytes, or whatever the writer is told. */
void fake_result(struct fake *fake, uint32_t msgid, enum op_id id, const void *result);
void fake_raw(struct fake *fake, const void *p, size_t n);
struct codec_writer fake_writer(struct fake *fake);

/* The last failure was the library's own, of this kind and word. */
void assert_local(const struct vault *vault, enum vault_local local, const char *code);
/* The connection was given up, so that nothing comes of it any more. */
void assert_broken(struct vault *vault);

#endif
