/* What the source has a worker read: all that changed in some rooms, in order, framed for their members. How it is
 * asked for and what becomes of it is in source.c. */
#ifndef CONFAB_RELAY_READING_H
#define CONFAB_RELAY_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"
#include "relay/ending.h"
#include "relay/pool.h"
#include "relay/rung.h"

struct broadcast;
struct source;

/* How many messages of a room one read takes, and after how many bytes of them it stops. The rest of a burst is read
 * when clients have taken that (burst.h). */
enum { READING_MOST = 64, READING_BYTES = 64 * 1024 };

/* What is read of one room. */
struct read_room {
    struct ring ring;
    struct text topic;
    const char *epoch;
    int64_t rev, to; /* from here, as far as this */
    bool gone;       /* there is no such room any more */
    bool other;      /* another database, or one that went back */
    bool more;
    struct broadcast **told; /* released with the job's arena */
    size_t told_count;
    struct broadcast *joined; /* all of them in one, when there are any */
};

struct read_job {
    struct job job;
    struct source *source;
    uint64_t listens;
    bool sweep;              /* read only those whose counter moved */
    bool ends_due;           /* read the log of ended sessions in any case */
    struct ending_read ends; /* to be applied before anything is told */
    struct read_room *rooms;
    size_t count;
    enum outcome outcome;
};

/* The job's work: fills the rooms, the ends and the outcome. */
void reading_work(struct job *, struct scope *, const struct view *);

#endif
