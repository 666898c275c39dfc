/* A connection that only listens: asynchronous, for an event loop that waits on its descriptor. Which rooms ring is all
 * it tells; rows are read elsewhere. It never holds a transaction open, in which nothing would be heard. */
#ifndef CONFAB_DB_LISTENER_H
#define CONFAB_DB_LISTENER_H

#include <stdbool.h>

#include "base/text.h"

struct listener;

enum listener_state {
    LISTENER_CONNECTING,
    LISTENER_LISTENING, /* every LISTEN is committed: what is read from now on can be trusted together with the bells */
    LISTENER_BROKEN,    /* logged; free it, and try again later */
};

struct listener_wants {
    int fd; /* may be another after each step while it connects; -1 when broken */
    bool readable, writable;
};

/* Start to connect; does not wait (but for resolving a host name). url must last. */
struct listener *listener_new(const char *url, const char *program)
    __attribute__((warn_unused_result, returns_nonnull));

/* Take the descriptor out of the loop first. */
void listener_free(struct listener **);

/* What to wait for before the next step. */
struct listener_wants listener_wants(const struct listener *);

/* Go on; call it when the descriptor is ready. */
enum listener_state listener_step(struct listener *);

/* While listening: ask for a sign of life, unless one is awaited already. A partner that vanished is silent for ever
 * otherwise: nothing is ever sent to it that TCP could miss an answer to. */
void listener_ping(struct listener *);

/* Is a sign of life awaited? It has come when this is false again after a step. */
bool listener_pinging(const struct listener *);

/* A bell that was heard. */
struct heard {
    struct text channel, payload;
    int from; /* db_backend of the connection that rang */
};

/* The next one, if there is one. Its texts are valid until the next call. */
bool listener_next(struct listener *, struct heard *);

#endif
