/* Worker threads for what waits on the database: each has a connection of its own. The loop submits, a worker works,
 * and the loop hears that it is done. A job and all it needs live in the job's arena. */
#ifndef CONFAB_RELAY_POOL_H
#define CONFAB_RELAY_POOL_H

#include <uv.h>

#include "chat/scope.h"

struct pool;
struct view;

struct job {
    struct job *next;
    struct arena *arena; /* freed after done has returned */
    /* On a worker. The scope has arena, db, bell, config and now; who is asking is the job's to fill in. */
    void (*work)(struct job *, struct scope *, const struct view *);
    /* On the loop. */
    void (*done)(struct job *);
};

/* Start count threads, whose connections are seen as "confab-relay" by the operator. */
struct pool *pool_new(uv_loop_t *, int count, const struct config *, const struct view *)
    __attribute__((warn_unused_result, returns_nonnull));

/* A job of that size in an arena of its own; the struct job is its beginning. */
void *job_new(size_t size, void (*work)(struct job *, struct scope *, const struct view *), void (*done)(struct job *))
    __attribute__((warn_unused_result, returns_nonnull));

/* Free one that is not handed over. */
void job_drop(struct job *);

/* Hand it over: it is the pool's until done is called. */
void pool_submit(struct pool *, struct job *);

/* The same for what is to be done before what waits: somebody wrote something, while others only come. */
void pool_submit_urgent(struct pool *, struct job *);

/* The database has forgotten our connections: what waits on one gives up, and new ones are opened. */
void pool_renew(struct pool *);

/* Wait for the threads and end them. Jobs that were not begun are dropped without a call. The loop must run once more
 * afterwards, to close the pool's handle. */
void pool_free(struct pool **);

#endif
