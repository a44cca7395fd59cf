#include "vaultd/lanes/job.h"

#include <stdlib.h>
#include <string.h>

struct job *
job_new(struct session *session, struct vault_bytes frame, uint32_t msgid)
{
	struct job *job = calloc(1, sizeof *job);

	if (job == NULL)
		return NULL;
	job->frame = malloc(frame.len == 0 ? 1 : frame.len);
	if (job->frame == NULL) {
		free(job);
		return NULL;
	}
	memcpy(job->frame, frame.p, frame.len);
	job->frame_len = frame.len;
	job->session = session == NULL ? NULL : session_hold(session);
	job->msgid = msgid;
	return job;
}

void
job_free(struct job *job)
{
	if (job == NULL)
		return;
	explicit_bzero(job->frame, job->frame_len);
	free(job->frame);
	buf_free(&job->reply);
	vault_opening_free(&job->opening);
	pkey_pair_free(&job->prepared.pair);
	session_release(job->session);
	free(job);
}

void
job_refuse(struct job *job, enum vault_err err, const char *message)
{
	buf_truncate(&job->reply, 0);
	job->result = err;
	dispatch_refuse(&job->reply, job->msgid, err, message);
}

void
job_queue_init(struct job_queue *queue)
{
	memset(queue, 0, sizeof *queue);
	pthread_mutex_init(&queue->mutex, NULL);
	pthread_cond_init(&queue->filled, NULL);
	pthread_cond_init(&queue->drained, NULL);
}

bool
job_queue_put(struct job_queue *queue, struct job *job)
{
	bool taken;

	pthread_mutex_lock(&queue->mutex);
	taken = !queue->closed && queue->bytes + job->frame_len <= QUEUE_BYTES_MAX;
	if (taken) {
		job->next = NULL;
		if (queue->tail != NULL)
			queue->tail->next = job;
		else
			queue->head = job;
		queue->tail = job;
		queue->bytes += job->frame_len;
		pthread_cond_signal(&queue->filled);
	}
	pthread_mutex_unlock(&queue->mutex);
	return taken;
}

/* The first jobs of the queue that go together, cut off from the rest. */
static struct job *
take_list(struct job_queue *queue, unsigned max, size_t bytes)
{
	struct job *first = queue->head, *last = first;
	size_t taken = first->frame_len;
	unsigned n = 1;

	while (!first->exclusive && n < max && last->next != NULL && !last->next->exclusive &&
	       taken + last->next->frame_len <= bytes) {
		last = last->next;
		taken += last->frame_len;
		n++;
	}
	queue->head = last->next;
	if (queue->head == NULL)
		queue->tail = NULL;
	last->next = NULL;
	queue->bytes -= taken;
	queue->running += n;
	return first;
}

struct job *
job_queue_take(struct job_queue *queue, unsigned max, size_t bytes)
{
	struct job *jobs = NULL;

	pthread_mutex_lock(&queue->mutex);
	while (queue->head == NULL && !queue->closed)
		pthread_cond_wait(&queue->filled, &queue->mutex);
	if (queue->head != NULL)
		jobs = take_list(queue, max, bytes);
	pthread_mutex_unlock(&queue->mutex);
	return jobs;
}

void
job_queue_ended(struct job_queue *queue, unsigned n)
{
	pthread_mutex_lock(&queue->mutex);
	queue->running -= n;
	if (queue->running == 0 && queue->head == NULL)
		pthread_cond_broadcast(&queue->drained);
	pthread_mutex_unlock(&queue->mutex);
}

void
job_queue_drain(struct job_queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	while (queue->running > 0 || queue->head != NULL)
		pthread_cond_wait(&queue->drained, &queue->mutex);
	pthread_mutex_unlock(&queue->mutex);
}

void
job_queue_close(struct job_queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	queue->closed = true;
	pthread_cond_broadcast(&queue->filled);
	pthread_mutex_unlock(&queue->mutex);
}
