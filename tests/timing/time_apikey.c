/*
 * Does apikey.verify take longer for an id that is somebody's than for one that is nobody's? Both
 * are asked for in turn, at random, with secrets that are wrong; Welch's t tells whether the two
 * times differ (Reparaz, Balasch, Verbauwhede: Dude, is my code constant time?, 2017). The same
 * program with a leaky apikey_match in its place (leaky_match.c) must be found out, or the test says
 * nothing.
 *
 *	time_apikey SAMPLES LIMIT	exit 0 where |t| is below LIMIT, else 1
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/lib/vault.h"
#include "vaultd/base/crc32.h"
#include "vaultd/core/apikey_text.h"

#define KEYS 64	   /* of each class */
#define PILOT 4000 /* samples that say where the tail begins */
#define KEPT 0.80  /* of the times: the tail is interrupts */
#define TURN 256   /* requests between two readings of the clock and two blocks of the audit */
#define FRAME_BYTES 256

enum class { UNKNOWN, WRONG, CLASSES };

/* Sums of the times of a class. */
struct moments {
	double n, mean, squares;
};

struct timing {
	struct test_vault *t;
	struct session *session;
	char texts[CLASSES][KEYS][APIKEY_TEXT_MAX];
	size_t len;
	uint64_t state; /* of the choice between classes */
	uint32_t source;
};

static uint64_t
next_random(struct timing *timing)
{
	timing->state ^= timing->state << 13;
	timing->state ^= timing->state >> 7;
	timing->state ^= timing->state << 17;
	return timing->state;
}

/* The CRC is right for any 55 digits, so that the text goes all the way. */
static void
put_crc(char *text, size_t len)
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint32_t crc =
		crc32_of((struct vault_bytes){ (const uint8_t *)text, len - APIKEY_CRC_DIGITS });

	for (size_t i = 1; i <= APIKEY_CRC_DIGITS; i++, crc /= 62)
		text[len - i] = digits[crc % 62];
}

static void
make_texts(struct timing *timing)
{
	static const struct vault_text scopes[] = { { "read", 4 } };
	struct apikey_create_req req = { .tenant = TEXT_LITERAL("acme"),
					 .name = TEXT_LITERAL("n"),
					 .scopes = { scopes, 1 } };
	struct apikey_create_res res;

	test_vault_acme(timing->t, key_algorithm_HS256);
	for (size_t i = 0; i < KEYS; i++) {
		for (int class = 0; class < CLASSES; class ++) {
			char *text = timing->texts[class][i];

			test_vault_do(timing->t, OP_apikey_create, &req, &res);
			timing->len = res.key.len;
			memcpy(text, res.key.p, res.key.len);
			/* Another secret; and for nobody's key another id. */
			memset(text + 8 + APIKEY_ID_DIGITS, 'x', APIKEY_SECRET_DIGITS);
			if (class == UNKNOWN)
				memcpy(text + 8 + APIKEY_ID_DIGITS - 4, "xxxx", 4);
			put_crc(text, res.key.len);
		}
	}
}

/* Each from a source of its own, so that nobody is locked out. */
static size_t
make_frame(struct timing *timing, enum class class, uint8_t *bytes)
{
	char source[32];
	struct apikey_verify_req req = {
		.key = { timing->texts[class][next_random(timing) % KEYS], timing->len },
	};
	struct buf frame = { 0 };
	struct codec_writer writer = { .out = &frame };
	size_t len;

	timing->source++;
	snprintf(source, sizeof source, "10.%u.%u.%u", timing->source >> 16 & 255,
		 timing->source >> 8 & 255, timing->source & 255);
	req.source = text_of(source);
	codec_write_request(&writer,
			    &(struct codec_request){ .msgid = 9,
						     .method = TEXT_LITERAL("apikey.verify"),
						     .type = apikey_verify_req_type(),
						     .fields = &req });
	len = buf_len(&frame);
	assert_true(len <= FRAME_BYTES);
	memcpy(bytes, buf_data(&frame), len);
	buf_free(&frame);
	return len;
}

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double
measure(struct timing *timing, enum class class)
{
	uint8_t bytes[FRAME_BYTES];
	struct test_vault *t = timing->t;
	struct call call = { .session = timing->session,
			     .frame = { bytes, make_frame(timing, class, bytes) },
			     .out = &t->reply,
			     .stage = STAGE_WORKER,
			     .alone = true };
	double start, took;

	if (timing->source % TURN == 1) {
		audit_batch_reset(&t->runner.audit);
		assert_ok(runner_turn(&t->runner));
	}
	buf_truncate(&t->reply, 0);
	start = now_ns();
	assert_int_equal(dispatch_run(&t->runner, &call), VERDICT_DONE);
	took = now_ns() - start;
	assert_non_null(memmem(buf_data(&t->reply), buf_len(&t->reply), "invalid", 7));
	return took;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
tail_begins(struct timing *timing)
{
	static double times[PILOT];

	for (size_t i = 0; i < PILOT; i++)
		times[i] = measure(timing, (enum class)(next_random(timing) % CLASSES));
	qsort(times, PILOT, sizeof *times, ascending);
	return times[(size_t)(PILOT * KEPT)];
}

static void
add(struct moments *m, double x)
{
	double delta = x - m->mean;

	m->n++;
	m->mean += delta / m->n;
	m->squares += delta * (x - m->mean);
}

static double
welch(const struct moments *a, const struct moments *b)
{
	double variance = a->squares / (a->n - 1) / a->n + b->squares / (b->n - 1) / b->n;

	return (a->mean - b->mean) / sqrt(variance);
}

static double
run(struct timing *timing, unsigned long samples)
{
	struct moments moments[CLASSES] = { 0 };
	double tail = tail_begins(timing), t;

	for (unsigned long i = 0; i < samples; i++) {
		enum class class = (enum class)(next_random(timing) >> 20 & 1);
		double took = measure(timing, class);

		if (took < tail)
			add(&moments[class], took);
	}
	t = welch(&moments[WRONG], &moments[UNKNOWN]);
	printf("unknown id %.1f ns, wrong secret %.1f ns, t %.2f (%.0f samples kept)\n",
	       moments[UNKNOWN].mean, moments[WRONG].mean, t,
	       moments[UNKNOWN].n + moments[WRONG].n);
	return t;
}

int
main(int argc, char **argv)
{
	static struct timing timing = { .state = 88172645463325252u };
	double limit, t;

	if (argc != 3)
		return 2;
	limit = strtod(argv[2], NULL);
	timing.t = test_vault_new();
	test_vault_init(timing.t);
	make_texts(&timing);
	timing.session = session_new(&test_root);
	t = run(&timing, strtoul(argv[1], NULL, 10));
	session_release(timing.session);
	audit_batch_reset(&timing.t->runner.audit);
	test_vault_free(timing.t);
	return fabs(t) < limit ? 0 : 1;
}
