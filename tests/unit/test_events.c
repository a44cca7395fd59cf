/*
 * The hub: what is published reaches every listener once and in order, whoever lags is told what he
 * lost, nobody waits for him. And what a subscriber is told of it.
 */
#include "vaultd/dispatch_watch.h"

#include "tests/unit/lib/vault.h"

#define THREADS 4
#define EACH 20000

struct ear {
	struct event_listener listener;
	unsigned woken;
};

static void
hear(void *arg)
{
	struct ear *ear = arg;

	ear->woken++;
}

static void
open_ear(struct events *events, struct ear *ear)
{
	*ear = (struct ear){ .listener = { .wake = hear, .arg = ear } };
	assert_ok(events_listen(events, &ear->listener));
}

static void
publish(struct events *events, uint64_t n)
{
	events_publish(events, &(struct vault_event){ .kind = event_kind_denied, .count = n });
}

static void
assert_next(struct events *events, struct ear *ear, uint64_t count, uint64_t lost)
{
	struct vault_event event;
	uint64_t missed;

	assert_true(events_waiting(events, &ear->listener));
	assert_true(events_take(events, &ear->listener, &event, &missed));
	assert_int_equal(event.count, count);
	assert_int_equal(missed, lost);
}

static void
assert_none(struct events *events, struct ear *ear)
{
	struct vault_event event;
	uint64_t missed;

	assert_false(events_waiting(events, &ear->listener));
	assert_false(events_take(events, &ear->listener, &event, &missed));
}

static void
test_everybody_hears_everything_once(void **state)
{
	struct events events;
	struct ear a, b;

	(void)state;
	events_init(&events);
	publish(&events, 1);
	assert_int_equal(atomic_load(&events.published), 0);
	open_ear(&events, &a);
	publish(&events, 2);
	open_ear(&events, &b);
	publish(&events, 3);
	publish(&events, 4);
	assert_int_equal(a.woken, 1);
	assert_int_equal(b.woken, 1);
	assert_next(&events, &a, 2, 0);
	assert_next(&events, &a, 3, 0);
	assert_next(&events, &b, 3, 0);
	/* Who has not taken all is not woken again; who has, is. */
	assert_next(&events, &b, 4, 0);
	assert_none(&events, &b);
	publish(&events, 5);
	assert_int_equal(a.woken, 1);
	assert_int_equal(b.woken, 2);
	events_unlisten(&events, &b.listener);
	publish(&events, 6);
	assert_int_equal(b.woken, 2);
	for (uint64_t n = 4; n <= 6; n++)
		assert_next(&events, &a, n, 0);
	assert_none(&events, &a);
	events_unlisten(&events, &a.listener);
	publish(&events, 7);
	events_free(&events);
}

static void
test_a_laggard_loses_the_oldest(void **state)
{
	struct events events;
	struct ear ear;

	(void)state;
	events_init(&events);
	open_ear(&events, &ear);
	for (uint64_t n = 0; n < EVENTS_MAX + 7; n++)
		publish(&events, n);
	assert_int_equal(ear.woken, 1);
	assert_next(&events, &ear, 7, 7);
	for (uint64_t n = 8; n < EVENTS_MAX + 7; n++)
		assert_next(&events, &ear, n, 0);
	assert_none(&events, &ear);
	events_unlisten(&events, &ear.listener);
	events_free(&events);
}

static void *
publish_many(void *arg)
{
	for (uint64_t n = 1; n <= EACH; n++)
		publish(arg, n);
	return NULL;
}

/* Taken or missed, every event is accounted for. */
static void
test_many_publishers(void **state)
{
	pthread_t threads[THREADS];
	struct vault_event event;
	uint64_t missed, seen = 0;
	struct events events;
	struct ear ear;

	(void)state;
	events_init(&events);
	open_ear(&events, &ear);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, publish_many, &events), 0);
	while (seen < (uint64_t)THREADS * EACH)
		if (events_take(&events, &ear.listener, &event, &missed))
			seen += 1 + missed;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(seen, THREADS * EACH);
	assert_none(&events, &ear);
	events_unlisten(&events, &ear.listener);
	events_free(&events);
}

static struct subscription
watching(uint32_t kinds, const char *tenant)
{
	struct subscription s = { .matches = subscription_watch,
				  .op = OP_sys_watch,
				  .kinds = kinds };

	memcpy(s.tenant, tenant, strlen(tenant));
	return s;
}

static void
test_matching(void **state)
{
	struct vault_event denied = { .kind = event_kind_denied, .tenant = "t1" };
	struct vault_event sealed = { .kind = event_kind_sealed };
	struct subscription s = watching(UINT32_MAX, "");

	(void)state;
	assert_true(s.matches(&s, &denied));
	assert_true(s.matches(&s, &sealed));
	s = watching(UINT32_C(1) << event_kind_sealed, "");
	assert_false(s.matches(&s, &denied));
	assert_true(s.matches(&s, &sealed));
	s = watching(UINT32_MAX, "t1");
	assert_true(s.matches(&s, &denied));
	assert_false(s.matches(&s, &sealed));
	s = watching(UINT32_MAX, "t10");
	assert_false(s.matches(&s, &denied));
	s = watching(UINT32_MAX, "t");
	assert_false(s.matches(&s, &denied));
	/* A subscription has a bit for each kind. */
	assert_true(event_kind_count <= 32);
}

/* Rights are looked at with each event: what was taken ends the subscription. */
static void
test_rights_are_looked_at_again(void **state)
{
	struct test_vault *t = *state;
	struct session *root = session_new(&test_root), *stranger = session_new(&test_stranger);
	struct vault_event denied = { .kind = event_kind_denied };
	struct vault_event sealed = { .kind = event_kind_sealed };
	struct subscription s = watching(UINT32_MAX, "");
	struct subscription other = watching(UINT32_C(1) << event_kind_lockout, "");

	assert_int_equal(watch_judge(&t->vault, root, &s, &denied), WATCH_DELIVER);
	assert_int_equal(watch_judge(&t->vault, root, &other, &denied), WATCH_SKIP);
	assert_int_equal(watch_judge(&t->vault, stranger, &s, &denied), WATCH_END);
	assert_int_equal(watch_judge(&t->vault, stranger, &other, &denied), WATCH_SKIP);
	/* Sealed, nobody can say what a stranger may: he is told what sys.hello tells anybody. */
	test_vault_restart(t);
	assert_int_equal(watch_judge(&t->vault, root, &s, &denied), WATCH_DELIVER);
	assert_int_equal(watch_judge(&t->vault, stranger, &s, &denied), WATCH_SKIP);
	assert_int_equal(watch_judge(&t->vault, stranger, &s, &sealed), WATCH_DELIVER);
	session_release(root);
	session_release(stranger);
}

/* A notification as a client reads it; what an event does not say is absent. */
static void
test_notification(void **state)
{
	struct vault_event event = { .kind = event_kind_limited,
				     .time = 1800000000,
				     .tenant = "acme",
				     .method = &op_rows[OP_token_sign],
				     .class_name = "hot",
				     .count = 100,
				     .seconds = 10 };
	struct codec_reader reader = { .mode = CODEC_STRICT };
	struct event_item item;
	struct frame frame;
	struct buf out = { 0 };

	(void)state;
	assert_ok(watch_write(&out, &event, 3));
	assert_ok(frame_parse(buf_data(&out), buf_len(&out), &frame));
	assert_int_equal(frame.type, FRAME_NOTIFICATION);
	assert_true(text_is(frame.method, "event"));
	assert_ok(codec_read(&reader, event_item_type(), frame.params, &item));
	assert_true(text_is(item.kind, "limited"));
	assert_true(text_is(item.tenant, "acme"));
	assert_true(text_is(item.method, "token.sign"));
	assert_true(text_is(item.class_, "hot"));
	assert_int_equal(item.time, 1800000000);
	assert_int_equal(item.count.v, 100);
	assert_int_equal(item.missed.v, 3);
	assert_null(item.principal.p);
	assert_false(item.suppressed.set);
	assert_false(item.retry_after_ms.set);
	buf_free(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everybody_hears_everything_once),
		cmocka_unit_test(test_a_laggard_loses_the_oldest),
		cmocka_unit_test(test_many_publishers),
		cmocka_unit_test(test_matching),
		cmocka_unit_test_setup_teardown(test_rights_are_looked_at_again, test_vault_setup,
						test_vault_teardown),
		cmocka_unit_test(test_notification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
