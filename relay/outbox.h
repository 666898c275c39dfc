/* What a client is to get, oldest first: shared broadcasts in a ring, and how far the first one has been sent. */
#ifndef CONFAB_RELAY_OUTBOX_H
#define CONFAB_RELAY_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broadcast;

/* Starts as zeros. */
struct outbox {
    uint32_t count, first, size;
    uint32_t sent; /* of the first one */
    union {
        struct broadcast *one;    /* size 0: the place for a single one, which is all that most ever have */
        struct broadcast **items; /* the places for more */
    };
    uint32_t bytes; /* of all, as they were queued */
    uint32_t told;  /* of those among them that tell of a message; what the client asked for itself is the rest */
};

/* Shares the broadcast. */
void outbox_add(struct outbox *, struct broadcast *);

/* With nothing waiting: send this straight away, and keep what the socket did not take. False: the connection is
 * broken. */
bool outbox_send_one(struct outbox *, int fd, struct broadcast *);

/* Send as much as the socket takes, many in one call. False: the connection is broken. *took: whether anything left. */
bool outbox_send(struct outbox *, int fd, bool *took);

/* Drop everything but the rest of a frame that is half sent. */
void outbox_cut(struct outbox *);

/* What the last thing in it tells of, or 0. */
int64_t outbox_last_rev(const struct outbox *);

/* Drop everything and give the memory back. */
void outbox_free(struct outbox *);

#endif
