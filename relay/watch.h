/* Which of very many descriptors are ready: one epoll set of our own. A uv_poll_t for each would take 160 bytes, a
 * third of what a quiet connection may. The relay sleeps in this set, in which the loop's own descriptor is one among
 * the others, and not the other way round: what is ready is then known from one call, and the loop turns only when
 * something of its own is. Loop thread only. */
#ifndef CONFAB_RELAY_WATCH_H
#define CONFAB_RELAY_WATCH_H

#include <uv.h>

struct watch;

/* What a descriptor is watched for; an error is told whenever it is watched at all. */
enum { WATCH_READABLE = 1, WATCH_WRITABLE = 2, WATCH_ERROR = 4 };

/* ready is told what of that is true, in each turn until it is not any more. */
struct watch *watch_new(uv_loop_t *, void (*ready)(void *context, int events))
    __attribute__((warn_unused_result, returns_nonnull));

/* Nothing may be watched any more. Clears the caller's pointer. */
void watch_free(struct watch **);

/* Sleep until a descriptor is ready, or the loop has something to do; tell of the one, let the loop do the other. Where
 * the loop has no active handles it does not sleep. */
void watch_turn(struct watch *);

/* Watch a descriptor for other events than before; 0 for none. Must be none before it is closed. A context of which
 * something has just been told may be told of until the turn ends. */
void watch_change(struct watch *, int fd, void *context, int before, int events);

#endif
