/* What a worker does for a long poll's GET. A part of longpoll.c. */
#ifndef CONFAB_RELAY_LONGPOLL_JOB_H
#define CONFAB_RELAY_LONGPOLL_JOB_H

#include "base/text.h"
#include "live/poll_asker.h"
#include "relay/longpoll_answer.h"
#include "relay/pool.h"

struct arena;
struct peer;
struct upgrade;

/* Who asks is checked first. If there is something to say, that is the answer; else the status is 0, and the poll may
 * be held with the token. The session is checked once more after rooms were read: if it still holds, it held when they
 * were. */
struct get_job {
    struct job job;
    struct peer *peer; /* busy, so it is there */
    struct text guest, address;
    struct poll_asker read;  /* as it came, */
    struct poll_asker asker; /* and as it was checked; its cursor as it was drained */
    struct longpoll_answer answer;
    struct text token;
};

/* For a request. Read what can be said without the database: look at read.verdict. */
struct get_job *get_job_new(struct peer *, const struct upgrade *, void (*done)(struct job *))
    __attribute__((warn_unused_result, returns_nonnull));

/* For a poll that is held with this token, and whose peer is registered. NULL: the token is too old. */
struct get_job *get_job_again(struct peer *, struct text token, void (*done)(struct job *))
    __attribute__((warn_unused_result));

/* The texts of a request last no longer than it: those that are read on, in an arena. */
struct poll_came poll_came_copy(struct arena *, const struct poll_came *);

/* Register the peer with the session that was read, if it is one. */
void get_job_register(struct peer *, const struct poll_asker *);

#endif
