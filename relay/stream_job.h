/* What a worker does for a room's stream, and what all streams say. A part of stream.c. */
#ifndef CONFAB_RELAY_STREAM_JOB_H
#define CONFAB_RELAY_STREAM_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"
#include "relay/pool.h"
#include "web/session.h"

struct broadcast;
struct peer;
struct relay;
struct upgrade;

struct stream_job {
    struct job job;
    struct peer *peer;      /* busy, so it is there */
    struct session session; /* as it was read, then as it was checked */
    struct text guest, slug, address;
    int64_t after;
    int status; /* 200, or what to refuse with */
    bool more;  /* there was more than one page should begin with */
    struct text start;
    struct text epoch;
    int64_t room_id, rev;
    int64_t user_id; /* 0: a guest */
};

/* Read the request's cookie. */
struct stream_job *stream_job_new(struct peer *, const struct upgrade *, void (*done)(struct job *))
    __attribute__((warn_unused_result, returns_nonnull));

/* The lines of a broadcast's messages, as HTML. */
struct broadcast *stream_lines(const struct broadcast *) __attribute__((warn_unused_result, returns_nonnull));

/* The last line. url: where to go on, after so many seconds; or NULL, with the reason for which the session ended, or
 * NULL: the room is gone. */
struct broadcast *stream_end(const struct relay *, const char *url, int seconds, const char *reason, const char *login)
    __attribute__((warn_unused_result, returns_nonnull));

/* The whole answer that comes before a stream: a page that asks for that. A page is not loaded as long as one of its
 * frames is not, and a stream never is. */
struct broadcast *stream_begin(const struct relay *, const char *url)
    __attribute__((warn_unused_result, returns_nonnull));

/* A sign of life. */
struct broadcast *stream_beat(const struct relay *) __attribute__((warn_unused_result, returns_nonnull));

#endif
