/* SPDX-License-Identifier: Apache-2.0 */
#include "io/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job_list {
	struct worker_job *first, **last;
};

struct worker {
	const struct worker_ops *ops;
	void *ctx;
	struct loop_watch *watch;
	int wake_fd; /* the thread has finished jobs */
	pthread_t thread;

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t submitted_cond;
	struct job_list submitted, finished;
	bool ending;
};

static void list_init(struct job_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void list_append(struct job_list *l, struct worker_job *jobs)
{
	*l->last = jobs;
	while (*l->last != NULL)
		l->last = &(*l->last)->next;
}

static struct worker_job *list_take(struct job_list *l)
{
	struct worker_job *jobs = l->first;

	list_init(l);
	return jobs;
}

/* Wait for jobs; NULL when the worker is ending and none is left. */
static struct worker_job *worker_wait(struct worker *w)
{
	struct worker_job *jobs;

	pthread_mutex_lock(&w->lock);
	while (w->submitted.first == NULL && !w->ending)
		pthread_cond_wait(&w->submitted_cond, &w->lock);
	jobs = list_take(&w->submitted);
	pthread_mutex_unlock(&w->lock);
	return jobs;
}

static void worker_give_back(struct worker *w, struct worker_job *jobs)
{
	const uint64_t one = 1;
	bool wake;

	pthread_mutex_lock(&w->lock);
	wake = w->finished.first == NULL;
	list_append(&w->finished, jobs);
	pthread_mutex_unlock(&w->lock);
	if (wake)
		IGNORE(write(w->wake_fd, &one, sizeof(one)) < 0);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct worker_job *jobs;

	while ((jobs = worker_wait(w)) != NULL) {
		w->ops->work(w->ctx, jobs);
		worker_give_back(w, jobs);
	}
	return NULL;
}

static void worker_deliver(struct worker *w)
{
	struct worker_job *jobs, *next;

	pthread_mutex_lock(&w->lock);
	jobs = list_take(&w->finished);
	pthread_mutex_unlock(&w->lock);
	for (; jobs != NULL; jobs = next) {
		next = jobs->next;
		w->ops->done(w->ctx, jobs);
	}
}

static void on_wake(void *ctx, unsigned ready)
{
	struct worker *w = ctx;
	uint64_t count;

	(void)ready;
	IGNORE(read(w->wake_fd, &count, sizeof(count)) < 0);
	worker_deliver(w);
}

/* Signals belong to the loop's thread. */
static int thread_start(struct worker *w, const char *name)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		pthread_setname_np(w->thread, name);
	return rc;
}

enum err worker_new(struct loop *l, const char *name, const struct worker_ops *ops, void *ctx,
	struct worker **out)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	*w = (struct worker){ .ops = ops, .ctx = ctx };
	list_init(&w->submitted);
	list_init(&w->finished);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->submitted_cond, NULL);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0 || thread_start(w, name) != 0) {
		if (w->wake_fd >= 0)
			close(w->wake_fd);
		free(w);
		return ERR_IO;
	}
	w->watch = loop_watch_new(l, w->wake_fd, LOOP_READ, on_wake, w);
	*out = w;
	return ERR_OK;
}

void worker_submit(struct worker *w, struct worker_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&w->lock);
	list_append(&w->submitted, job);
	pthread_cond_signal(&w->submitted_cond);
	pthread_mutex_unlock(&w->lock);
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->submitted_cond);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	worker_deliver(w);
	loop_watch_free(w->watch);
	close(w->wake_fd);
	pthread_cond_destroy(&w->submitted_cond);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
