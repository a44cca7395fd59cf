#include "vaultd/lanes/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/frame.h"

static struct session someone = { .references = 1, .who = { .uid = 7 } };

static int
setup(void **state)
{
	struct job_queue *queue = calloc(1, sizeof *queue);

	assert_non_null(queue);
	job_queue_init(queue);
	*state = queue;
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

static struct job *
put(struct job_queue *queue, size_t len, bool exclusive)
{
	uint8_t *frame = calloc(1, len + 1);
	struct job *job;

	assert_non_null(frame);
	job = job_new(&someone, (struct vault_bytes){ frame, len }, 9);
	assert_non_null(job);
	job->exclusive = exclusive;
	free(frame);
	assert_true(job_queue_put(queue, job));
	return job;
}

/* Takes a list, which must be of n jobs whose first is the one given, and ends it. */
static void
take(struct job_queue *queue, unsigned max, size_t bytes, const struct job *first, unsigned n)
{
	struct job *jobs = job_queue_take(queue, max, bytes);
	unsigned taken = 0;

	assert_ptr_equal(jobs, first);
	assert_int_equal(queue->running, n);
	while (jobs != NULL) {
		struct job *job = jobs;

		jobs = job->next;
		job_free(job);
		taken++;
	}
	assert_int_equal(taken, n);
	job_queue_ended(queue, n);
	assert_int_equal(queue->running, 0);
}

static void
test_in_order(void **state)
{
	struct job_queue *queue = *state;
	struct job *jobs[5];

	for (int i = 0; i < 5; i++)
		jobs[i] = put(queue, 10, false);
	assert_int_equal(queue->bytes, 50);
	take(queue, 2, 1000, jobs[0], 2);
	assert_int_equal(queue->bytes, 30);
	take(queue, 1, 1000, jobs[2], 1);
	take(queue, 100, 1000, jobs[3], 2);
	assert_int_equal(queue->bytes, 0);
	assert_null(queue->head);
	assert_null(queue->tail);
	jobs[0] = put(queue, 10, false);
	take(queue, 100, 1000, jobs[0], 1);
}

static void
test_bytes_of_a_list(void **state)
{
	struct job_queue *queue = *state;
	struct job *jobs[4];

	for (int i = 0; i < 4; i++)
		jobs[i] = put(queue, 10, false);
	take(queue, 100, 29, jobs[0], 2);
	take(queue, 100, 20, jobs[2], 2);
	/* One is always taken. */
	jobs[0] = put(queue, 100, false);
	jobs[1] = put(queue, 1, false);
	take(queue, 100, 0, jobs[0], 1);
	take(queue, 100, 0, jobs[1], 1);
}

static void
test_exclusive_runs_alone(void **state)
{
	struct job_queue *queue = *state;
	struct job *a = put(queue, 1, false), *b, *c, *d;

	put(queue, 1, false);
	b = put(queue, 1, true);
	c = put(queue, 1, true);
	d = put(queue, 1, false);
	put(queue, 1, false);
	take(queue, 100, 1000, a, 2);
	take(queue, 100, 1000, b, 1);
	take(queue, 100, 1000, c, 1);
	take(queue, 100, 1000, d, 2);
}

static void
test_a_full_queue(void **state)
{
	struct job_queue *queue = *state;
	struct job *first = put(queue, QUEUE_BYTES_MAX - 10, false), *fits = put(queue, 10, false),
		   *one_more;

	one_more = job_new(&someone, (struct vault_bytes){ (const uint8_t *)"x", 1 }, 1);
	assert_false(job_queue_put(queue, one_more));
	take(queue, 1, 0, first, 1);
	assert_true(job_queue_put(queue, one_more));
	take(queue, 100, SIZE_MAX, fits, 2);
}

static void
test_close(void **state)
{
	struct job_queue *queue = *state;
	struct job *job = put(queue, 1, false), *late;

	job_queue_close(queue);
	late = job_new(&someone, (struct vault_bytes){ (const uint8_t *)"x", 1 }, 1);
	assert_false(job_queue_put(queue, late));
	job_free(late);
	/* What was there is still run. */
	take(queue, 10, 1000, job, 1);
	assert_null(job_queue_take(queue, 10, 1000));
	job_free(NULL);
}

struct lane {
	struct job_queue *queue;
	_Atomic unsigned ended;
	pthread_t thread;
};

static void *
lane_main(void *arg)
{
	struct lane *lane = arg;
	struct job *jobs;

	while ((jobs = job_queue_take(lane->queue, 7, 1000)) != NULL) {
		unsigned n = 0;

		usleep(1000);
		while (jobs != NULL) {
			struct job *job = jobs;

			jobs = job->next;
			job_free(job);
			n++;
		}
		lane->ended += n;
		job_queue_ended(lane->queue, n);
	}
	return NULL;
}

static bool
is_waiting(struct job_queue *queue)
{
	bool waiting;

	pthread_mutex_lock(&queue->mutex);
	waiting = queue->head != NULL;
	pthread_mutex_unlock(&queue->mutex);
	return waiting;
}

/* After a drain all that was put has ended, not only been taken. */
static void
test_drain(void **state)
{
	struct lane lane = { .queue = *state };

	assert_int_equal(pthread_create(&lane.thread, NULL, lane_main, &lane), 0);
	job_queue_drain(lane.queue);
	for (unsigned round = 1; round <= 20; round++) {
		for (int i = 0; i < 10; i++)
			put(lane.queue, 1, i == 4);
		job_queue_drain(lane.queue);
		assert_int_equal(lane.ended, 10 * round);
	}
	/* Also where it has been taken already. */
	put(lane.queue, 1, false);
	while (is_waiting(lane.queue))
		usleep(10);
	job_queue_drain(lane.queue);
	assert_int_equal(lane.ended, 201);
	job_queue_close(lane.queue);
	pthread_join(lane.thread, NULL);
	job_queue_drain(lane.queue);
}

static void
test_refuse(void **state)
{
	struct job *job =
		job_new(&someone, (struct vault_bytes){ (const uint8_t *)"frame", 5 }, 1234);
	struct frame frame;

	(void)state;
	assert_memory_equal(job->frame, "frame", 5);
	assert_int_equal(job->session->who.uid, 7);
	/* A reply that stood there already goes. */
	assert_int_equal(buf_append(&job->reply, "half a reply", 12), VAULT_OK);
	job_refuse(job, VAULT_STORAGE_FULL, NULL);
	assert_int_equal(job->result, VAULT_STORAGE_FULL);
	assert_int_equal(frame_parse(buf_data(&job->reply), buf_len(&job->reply), &frame),
			 VAULT_OK);
	assert_int_equal(frame.type, FRAME_REPLY);
	assert_int_equal(frame.msgid, 1234);
	assert_non_null(memmem(buf_data(&job->reply), buf_len(&job->reply), "storage_full", 12));
	job_free(job);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_in_order),
		TEST(test_bytes_of_a_list),
		TEST(test_exclusive_runs_alone),
		TEST(test_a_full_queue),
		TEST(test_close),
		TEST(test_drain),
		TEST(test_refuse),
	};

	return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
