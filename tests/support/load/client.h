/* The clients of the load: readers, and writers by socket and by form. Each does what a careful client does: it comes
 * back when it is cut off, joins with what it has, and repeats a post under the same client_id until it is
 * acknowledged. */
#ifndef CONFAB_TESTS_LOAD_CLIENT_H
#define CONFAB_TESTS_LOAD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/load/wire.h"

struct ledger;
struct load;

enum kind { READER, SOCKET_WRITER, FORM_WRITER };

/* What it waits for. */
enum step { RESTING, FETCHING, UPGRADING, JOINING, JOINED, SENDING };

struct client {
    struct load *load;
    enum kind kind;
    size_t index; /* of the readers, or of the writers */
    struct wire wire;
    enum step step;
    const char *where;    /* the front end's address, or the relay's */
    bool direct, stalled; /* direct: past nginx */
    int tries;
    int64_t due;  /* ms: when this step has taken too long, or the rest is over */
    int64_t beat; /* ms: the next heartbeat */
    char cookie[1024], csrf[256];
    unsigned ref, join_ref, post_ref;
    int64_t rev; /* shown up to here; -1 before the first join */
    char epoch[32];
    struct {
        int64_t at, from, to; /* ms; the numbers that it asked from, and was answered up to */
    } joined;                 /* the last time */
    bool posting;             /* a number is to be acknowledged */
    int64_t number, next_post;
    bool well; /* has worked since the fault was over */
    struct {   /* for a feed that is deliberately wrong */
        int64_t seq, number;
    } kept;
};

/* Wrong feeds, to see whether the checker finds them: done to the first reader once, after some messages. */
enum wrong { RIGHT, WRONG_DROP, WRONG_TWICE, WRONG_SWAP, WRONG_LIE };

struct load {
    const char *front, *direct, *origin, *base, *room, *run;
    int epoll;
    int64_t now; /* ms, steady, as of this turn */
    struct ledger *ledger;
    struct client *clients;
    size_t client_count, reader_count, writer_count;
    bool unjudged;  /* what readers are shown is not kept: for long benchmarks */
    bool talk;      /* say each time that a client is cut off */
    bool posting;   /* new messages may begin */
    int64_t period; /* ms between two posts of a writer */
    int64_t number, most;
    int64_t *sent; /* by number: when it was first sent, microseconds */
    size_t acknowledged, resets, comebacks;
    enum wrong wrong;
    void (*worked)(struct client *, int64_t number); /* acknowledged to it, or shown to it */
};

void client_start(struct client *);

/* Something happened on its connection. */
void client_turn(struct client *, uint32_t events);

/* Time has passed. */
void client_tick(struct client *);

/* Stop reading, or go on. */
void client_stall(struct client *, bool);

int64_t load_microseconds(void);

#endif
