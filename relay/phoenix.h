/* The conversation with a peer: Phoenix Channels V2 (WIRE-PROTOCOL 2 and 3). Messages of a peer are handled one at a
 * time, in order; what asks the database goes to a worker. A heartbeat alone is answered at once. */
#ifndef CONFAB_RELAY_PHOENIX_H
#define CONFAB_RELAY_PHOENIX_H

#include "relay/websocket.h"

struct broadcast;
struct call;
struct hub;
struct hub_room;
struct peer;
struct relay;

/* For the peer's websocket; the context is the peer. */
extern const struct websocket_events phoenix_events;

/* A hub whose members are peers. */
struct hub *phoenix_hub_new(const struct relay *) __attribute__((warn_unused_result, returns_nonnull));

/* A call came back: send its reply and what follows from it. */
void phoenix_answered(struct call *);

/* The session of the peer has ended: what is queued is dropped, it is told why on every topic that it is joined to
 * (after `reply`, if that is not NULL), and closed with 1001. Peers that are not open yet are left alone. */
void phoenix_session_ended(struct peer *, const char *reason, struct broadcast *reply);

/* A job of the peer came back and everything was done about it: go on with what waits, or free what is dead. */
void phoenix_settled(struct peer *);

/* The peer's queue has become shorter: what waited for that is handled. */
void phoenix_resume(struct peer *);

/* The peer is closing or dead: it leaves its rooms, and what waits is dropped. Not from within a broadcast. */
void phoenix_gone(struct peer *);

/* Every member leaves the room, and is told so by "phx_error" (join again) or "phx_close" (there is nothing to join).
 * Joins under way find out by themselves. The room may be gone afterwards. */
void phoenix_evict(struct relay *, struct hub_room *, const char *event);

#endif
