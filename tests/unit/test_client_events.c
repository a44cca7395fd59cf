/*
 * libvaultclient's events: kept while other calls wait, in order, bounded, waited for with an end.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "tests/unit/lib/fake_daemon.h"

static void
send_event(struct fake *fake, const char *method, int64_t n, size_t tenant_len)
{
	static const char letters[64] =
		"tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt";
	struct codec_writer w = fake_writer(fake);
	struct event_item item = { .kind = TEXT_LITERAL("denied"),
				   .time = n,
				   .tenant = { letters, tenant_len },
				   .count = { n, true } };

	value_array(&w, 3);
	value_int(&w, FRAME_NOTIFICATION);
	value_text(&w, text_of(method));
	value_array(&w, 1);
	codec_write(&w, event_item_type(), &item);
}

static void
send_pong(struct fake *fake, uint32_t msgid, int64_t time)
{
	struct sys_ping_res res = { time };

	fake_result(fake, msgid, OP_sys_ping, &res);
}

/* Events before and behind the answer, another notification among them. */
static bool
answer_around(struct fake *fake, const struct frame *frame, unsigned count)
{
	(void)count;
	send_event(fake, "event", 1, 5);
	send_event(fake, "rumour", 99, 5);
	send_event(fake, "event", 2, 5);
	send_pong(fake, frame->msgid, 7);
	send_event(fake, "event", 3, 5);
	return true;
}

static void
assert_event(struct vault *vault, int64_t n)
{
	struct vault_event_item event;

	assert_int_equal(vault_next_event(vault, FAKE_LONG_MS, &event), VAULT_OK);
	assert_true(text_is(event.kind, "denied"));
	assert_true(text_is(event.tenant, "ttttt"));
	assert_int_equal(event.time, n);
	assert_false(event.missed.set);
}

static void
assert_none(struct vault *vault, int timeout_ms)
{
	struct vault_event_item event;

	memset(&event, 0xee, sizeof event);
	assert_int_equal(vault_next_event(vault, timeout_ms, &event), VAULT_OK);
	assert_null(event.kind.p);
	assert_true(vault_fd(vault) >= 0);
}

static void
test_events_around_an_answer(void **state)
{
	struct vault_sys_ping_res res;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_around, FAKE_LONG_MS);

	(void)state;
	assert_none(vault, 0);
	assert_none(vault, 20);
	assert_int_equal(vault_sys_ping(vault, NULL, &res), VAULT_OK);
	assert_int_equal(res.time, 7);
	for (int64_t n = 1; n <= 3; n++)
		assert_event(vault, n);
	assert_none(vault, 0);
	fake_stop(&fake, vault);
}

/* An answer that comes while an event is waited for is kept for who asks. */
static void
test_an_answer_among_events(void **state)
{
	struct vault_sys_ping_res res;
	uint32_t msgid;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_around, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_sys_ping_send(vault, NULL, &msgid), VAULT_OK);
	for (int64_t n = 1; n <= 3; n++)
		assert_event(vault, n);
	assert_int_equal(vault_sys_ping_receive(vault, msgid, &res), VAULT_OK);
	assert_int_equal(res.time, 7);
	fake_stop(&fake, vault);
}

#define MANY 20000
static bool
answer_many(struct fake *fake, const struct frame *frame, unsigned count)
{
	(void)count;
	for (int64_t n = 0; n < MANY; n++)
		send_event(fake, "event", n, 60);
	send_pong(fake, frame->msgid, 7);
	return true;
}

/* Who asks for none has 1 MiB of them at most: the newest, and the count of the others. */
static void
test_the_oldest_go(void **state)
{
	struct vault_event_item event;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_many, FAKE_LONG_MS);
	int64_t next, taken = 0;

	(void)state;
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_OK);
	assert_int_equal(vault_next_event(vault, 0, &event), VAULT_OK);
	assert_true(event.missed.set && event.missed.v > 0);
	assert_int_equal(event.time, event.missed.v);
	next = event.time;
	do {
		assert_int_equal(event.time, next++);
		taken++;
		assert_int_equal(vault_next_event(vault, 0, &event), VAULT_OK);
		assert_false(event.missed.set);
	} while (event.kind.p != NULL);
	assert_int_equal(next, MANY);
	assert_true(taken < (1 << 20) / 60);
	fake_stop(&fake, vault);
}

static bool
answer_and_end(struct fake *fake, const struct frame *frame, unsigned count)
{
	(void)answer_around(fake, frame, count);
	return false;
}

/* What came before the end is still told, then that it is the end. */
static void
test_the_daemon_closes(void **state)
{
	struct vault_event_item event;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_and_end, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_OK);
	for (int64_t n = 1; n <= 3; n++)
		assert_event(vault, n);
	assert_int_equal(vault_next_event(vault, FAKE_LONG_MS, &event), VAULT_INTERNAL);
	assert_local(vault, VAULT_LOCAL_LOST, "lost");
	assert_int_equal(vault_next_event(vault, 0, &event), VAULT_INVALID_REQUEST);
	fake_stop(&fake, vault);
}

static bool
answer_nonsense(struct fake *fake, const struct frame *frame, unsigned count)
{
	static const uint8_t event[] = "\x93\x02\xa5"
				       "event\x91\x81\xa4kind\x07";

	(void)count;
	fake_raw(fake, event, sizeof event - 1);
	send_pong(fake, frame->msgid, 7);
	return true;
}

static void
test_an_event_without_sense(void **state)
{
	struct vault_event_item event;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_nonsense, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_OK);
	assert_int_equal(vault_next_event(vault, 0, &event), VAULT_INTERNAL);
	assert_local(vault, VAULT_LOCAL_REPLY, "reply");
	fake_stop(&fake, vault);
}

static void
on_alarm(int number)
{
	(void)number;
}

/* A signal that is caught ends even a wait for ever. */
static void
test_a_signal_ends_the_wait(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value = { 0, 50000 }, .it_interval = { 0, 50000 } };
	struct itimerval never = { 0 };
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_around, FAKE_LONG_MS);
	sigset_t alarm;

	(void)state;
	/* The daemon's thread must not be the one that gets it. */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_none(vault, -1);
	setitimer(ITIMER_REAL, &never, NULL);
	fake_stop(&fake, vault);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_around_an_answer),
		cmocka_unit_test(test_an_answer_among_events),
		cmocka_unit_test(test_the_oldest_go),
		cmocka_unit_test(test_the_daemon_closes),
		cmocka_unit_test(test_an_event_without_sense),
		cmocka_unit_test(test_a_signal_ends_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
