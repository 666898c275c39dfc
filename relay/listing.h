/* Reading who is in a room: what the database says, and what is to be told of it. */
#ifndef CONFAB_RELAY_LISTING_H
#define CONFAB_RELAY_LISTING_H

#include <stdint.h>

#include <jansson.h>

#include "base/errors.h"
#include "base/text.h"
#include "chat/presence.h"
#include "relay/pool.h"

struct arena;
struct broadcast;
struct crowd;
struct crowds;

/* What was read, with all that is made of it. */
struct found {
    struct arena *arena;
    struct presence_list list;
    struct text state, count; /* payloads */
};

struct list_job {
    struct job job;
    struct crowds *crowds; /* the first five are the owner's to fill in */
    struct crowd *crowd;
    int64_t room_id;
    const struct found *was; /* the crowd's, which stays as it is meanwhile */
    struct text topic;
    int64_t took; /* milliseconds */
    enum outcome outcome;
    struct found found;
    struct broadcast *all;    /* the list and the count, for who knows none */
    struct broadcast *change; /* for who knows the list as it was; NULL: nothing is new */
};

/* The job's work. What it found is released with the job, but for an arena that was taken (set to NULL). */
void listing_work(struct job *, struct scope *, const struct view *);

/* The frame of an event of presence; join_ref may be NULL. */
struct broadcast *listing_frame(struct text topic, const json_t *join_ref, const char *event, struct text payload)
    __attribute__((warn_unused_result, returns_nonnull));

#endif
