#include "relay/pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/must.h"
#include "chat/bell.h"
#include "db/db.h"

struct queue {
    struct job *first, **end;
};

struct pool {
    const struct config *config;
    const struct view *view;
    uv_mutex_t lock; /* guards the queues and stopping */
    uv_cond_t more;
    struct queue urgent, waiting, finished;
    unsigned taken;
    bool stopping;
    atomic_uint era; /* of the connections */
    uv_async_t wake;
    int count;
    uv_thread_t threads[];
};

static void put(struct queue *queue, struct job *job)
{
    job->next = NULL;
    *queue->end = job;
    queue->end = &job->next;
}

static struct job *take(struct queue *queue)
{
    struct job *job = queue->first;
    if (job && !(queue->first = job->next))
        queue->end = &queue->first;
    return job;
}

static void do_job(struct pool *pool, struct job *job, struct db *db, struct bell *bell)
{
    struct scope scope = { .arena = job->arena, .db = db, .bell = bell, .config = pool->config, .now = clock_now() };
    job->work(job, &scope, pool->view);
    uv_mutex_lock(&pool->lock);
    put(&pool->finished, job);
    uv_mutex_unlock(&pool->lock);
    uv_async_send(&pool->wake);
}

/* Every fourth is one of those that can wait, so that all get on. */
static struct job *take_next(struct pool *pool)
{
    bool patient = pool->waiting.first && (!pool->urgent.first || pool->taken % 4 == 3);
    pool->taken++;
    return take(patient ? &pool->waiting : &pool->urgent);
}

static struct job *next_job(struct pool *pool)
{
    uv_mutex_lock(&pool->lock);
    while (!pool->stopping && !pool->waiting.first && !pool->urgent.first)
        uv_cond_wait(&pool->more, &pool->lock);
    struct job *job = pool->stopping ? NULL : take_next(pool);
    uv_mutex_unlock(&pool->lock);
    return job;
}

static void run_worker(void *arg)
{
    struct pool *pool = arg;
    struct db *db = db_new(pool->config->database_relay_url, "confab-relay");
    struct bell *bell = bell_new(pool->config->relay_bell);
    db_watch(db, &pool->era);
    for (struct job *job; (job = next_job(pool));)
        do_job(pool, job, db, bell);
    bell_free(&bell);
    db_free(&db);
}

void job_drop(struct job *job)
{
    struct arena *arena = job->arena; /* the job lies in it */
    arena_free(&arena);
}

/* Everything that is finished by now; what the calls submit comes back later. */
static void hear(uv_async_t *wake)
{
    struct pool *pool = wake->data;
    uv_mutex_lock(&pool->lock);
    struct job *job = pool->finished.first;
    pool->finished = (struct queue){ NULL, &pool->finished.first };
    uv_mutex_unlock(&pool->lock);
    for (struct job *next; job; job = next) {
        next = job->next;
        job->done(job);
        job_drop(job);
    }
}

struct pool *pool_new(uv_loop_t *loop, int count, const struct config *config, const struct view *view)
{
    struct pool *pool = calloc(1, sizeof *pool + (size_t)count * sizeof pool->threads[0]);
    must(pool != NULL);
    pool->config = config;
    pool->view = view;
    pool->count = count;
    pool->urgent = (struct queue){ NULL, &pool->urgent.first };
    pool->waiting = (struct queue){ NULL, &pool->waiting.first };
    pool->finished = (struct queue){ NULL, &pool->finished.first };
    must(uv_mutex_init(&pool->lock) == 0 && uv_cond_init(&pool->more) == 0);
    must(uv_async_init(loop, &pool->wake, hear) == 0);
    pool->wake.data = pool;
    for (int i = 0; i < count; i++)
        must(uv_thread_create(&pool->threads[i], run_worker, pool) == 0);
    return pool;
}

void *job_new(size_t size, void (*work)(struct job *, struct scope *, const struct view *), void (*done)(struct job *))
{
    struct arena *arena = arena_new();
    struct job *job = arena_alloc(arena, size);
    *job = (struct job){ .arena = arena, .work = work, .done = done };
    return job;
}

static void submit(struct pool *pool, struct queue *queue, struct job *job)
{
    uv_mutex_lock(&pool->lock);
    put(queue, job);
    uv_cond_signal(&pool->more);
    uv_mutex_unlock(&pool->lock);
}

void pool_submit(struct pool *pool, struct job *job)
{
    submit(pool, &pool->waiting, job);
}

void pool_submit_urgent(struct pool *pool, struct job *job)
{
    submit(pool, &pool->urgent, job);
}

void pool_renew(struct pool *pool)
{
    atomic_fetch_add(&pool->era, 1);
}

static void closed(uv_handle_t *handle)
{
    struct pool *pool = handle->data;
    uv_mutex_destroy(&pool->lock);
    uv_cond_destroy(&pool->more);
    free(pool);
}

void pool_free(struct pool **gone)
{
    struct pool *pool = *gone;
    if (!pool)
        return;
    uv_mutex_lock(&pool->lock);
    pool->stopping = true;
    uv_cond_broadcast(&pool->more);
    uv_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->count; i++)
        uv_thread_join(&pool->threads[i]);
    for (struct job *job; (job = take(&pool->urgent)) || (job = take(&pool->waiting)) || (job = take(&pool->finished));)
        job_drop(job);
    uv_close((uv_handle_t *)&pool->wake, closed);
    *gone = NULL;
}
