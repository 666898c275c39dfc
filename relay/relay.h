/* What the parts of the relay share: one event loop, one thread; only jobs (pool.h) run elsewhere.
 *
 * A turn of the loop: whatever is ready is read, judged and queued; then, before the loop sleeps again, relay_turn asks
 * the source for what the doorbells told, sends each peer all that it was queued in one system call, and frees the
 * peers that ended. Nothing frees a peer before that: any callback may hold one. */
#ifndef CONFAB_RELAY_RELAY_H
#define CONFAB_RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "relay/roster.h"

struct addresses;
struct broadcast;
struct calls;
struct config;
struct ending;
struct hub;
struct longpolls;
struct peer;
struct pool;
struct porter;
struct presence;
struct sessions;
struct source;
struct view;
struct watch;

struct relay {
    uv_loop_t *loop;
    const struct config *config;
    const struct view *view;
    struct hub *hub;
    struct pool *pool;
    struct calls *calls;
    struct addresses *addresses;
    struct sessions *sessions;
    struct ending *ends;
    struct source *source;
    struct porter *porter;
    struct longpolls *longpolls;
    struct presence *presence;
    struct watch *watch;   /* on the peers' descriptors */
    struct roster *roster; /* all peers */
    size_t peer_count, peer_limit;
    size_t seated;     /* of the peers, those that were not refused at once: at most peer_limit */
    size_t body_bytes; /* of bodies that are arriving */
    uint64_t peer_serial;
    uint64_t seen, tidied;                /* peer_serial at the last tick, and when the heap was tidied */
    size_t seen_count, tidied_count;      /* peer_count then */
    size_t turned_away;                   /* connections since the last tick that there was no place for */
    struct peer_list flushing, ending;    /* what this turn still has to do */
    struct broadcast *lines_from, *lines; /* of streams: made in this turn, of what */
    struct broadcast *ping;               /* for everybody */
    bool draining;
    bool sweeping;         /* mailboxes, on a worker */
    int64_t swept, ticked; /* relay_now */
    bool proxied;          /* peers come through a proxy on this machine */
    bool straight;         /* what is told now is all that is told in this turn */
    int told_last;         /* the descriptor of the peer that was told so last */
};

/* Milliseconds of a clock that never jumps, as of the beginning of the turn. */
int64_t relay_now(const struct relay *);

/* Everything that is left to do before the loop sleeps. */
void relay_turn(struct relay *);

#endif
