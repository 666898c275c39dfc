/* A connection that is held open and is no WebSocket: a long poll's GET or POST (longpoll.h), a room's stream
 * (stream.h). What peers, rooms and sessions have to tell it comes through these. Loop thread only. */
#ifndef CONFAB_RELAY_HELD_H
#define CONFAB_RELAY_HELD_H

#include <stdbool.h>
#include <stddef.h>

struct broadcast;
struct peer;

/* Called while the peer is judged or held, unless it says otherwise. A NULL is nothing to be done. */
struct held_kind {
    /* A message of a room, for a peer that is held. As hub_events.send: it must not leave or join. */
    void (*tell)(struct peer *, struct broadcast *);
    /* More than it may came while it was pending; it was not kept. As tell. */
    void (*overflow)(struct peer *);
    /* It was a member of a room that is gone, or that must be joined anew; it has left it. */
    void (*evicted)(struct peer *, bool gone);
    /* Its session has ended. */
    void (*session_ended)(struct peer *, const char *reason);
    /* It must end: in the words of a WebSocket's close. Only while it is held. */
    void (*end)(struct peer *, int code, const char *reason);
    /* Bytes came. Only while it is held, or its body arrives; what comes without this ends it. */
    void (*came)(struct peer *, const char *bytes, size_t len);
    /* Its queue has become empty. Only while it is held. */
    void (*taken)(struct peer *);
    /* Once a second. Only while it is held. */
    void (*tick)(struct peer *);
    /* The peer is closing or dead: free it. Jobs may still be out. */
    void (*forget)(struct peer *);
};

/* The beginning of each. */
struct held {
    const struct held_kind *kind;
};

#endif
