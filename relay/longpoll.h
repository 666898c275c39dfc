/* The long poll at the relay (WIRE-PROTOCOL 6): each GET and POST stands by itself, and ends with its answer. What they
 * mean is in live/poll.h; here is who is asked when, and what a held GET waits for.
 *
 * Why a held GET misses nothing:
 * 1. It is registered first: with its session, with the bell of its mailbox, and as a (pending) member of the rooms of
 *    its cursor. Then a worker drains. What comes in between is held by the hub, and a bell makes it drain again.
 * 2. If there was nothing, it waits with nothing but its token, which is the cursor as the drain left it. A message of
 *    a room comes to it as to every member, without a query; what came in a turn is its answer at the end of that turn.
 * 3. While a worker drains for it once more, messages of rooms are passed over, and noted: it drains again, or the next
 *    GET does.
 * 4. What an answer told stands in its token (live/poll.h), so whatever becomes of a connection, the next GET goes on
 *    from there.
 * When the relay goes, or has lost the database, a held GET is answered with HTTP's 503: a front end gives it to
 * somebody else, or the client comes back with what it has. */
#ifndef CONFAB_RELAY_LONGPOLL_H
#define CONFAB_RELAY_LONGPOLL_H

#include <stddef.h>

#include "base/text.h"

struct longpolls;
struct peer;
struct relay;
struct upgrade;

struct longpolls *longpolls_new(void) __attribute__((warn_unused_result, returns_nonnull));
/* No poll may be held. */
void longpolls_free(struct longpolls **);

/* A GET that was judged to be one. */
void longpoll_get(struct peer *, const struct upgrade *);

/* A POST, and what of its body came with its head. */
void longpoll_post(struct peer *, const struct upgrade *, struct text begun);

/* Answer with a status of the protocol alone. */
void longpoll_refuse(struct peer *, int status, const char *reason);

/* The bell of a mailbox, or maybe of all. */
void longpoll_ring(struct longpolls *, struct text sid);
void longpoll_ring_all(struct relay *);

/* At the end of a turn: answer those that something came for. */
void longpoll_turn(struct relay *);

#endif
