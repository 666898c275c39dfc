/* Which of very many descriptors are ready: one epoll set of our own, whose descriptor is the only one of them that the
 * loop knows. A uv_poll_t for each would take 160 bytes, a third of what a quiet connection may. Loop thread only. */
#ifndef CONFAB_RELAY_WATCH_H
#define CONFAB_RELAY_WATCH_H

#include <uv.h>

struct watch;

/* What a descriptor is watched for; an error is told whenever it is watched at all. */
enum { WATCH_READABLE = 1, WATCH_WRITABLE = 2, WATCH_ERROR = 4 };

/* ready is told what of that is true, each time the loop turns until it is not any more. */
struct watch *watch_new(uv_loop_t *, void (*ready)(void *context, int events))
    __attribute__((warn_unused_result, returns_nonnull));

/* Nothing may be watched any more. The loop must run once more afterwards. Clears the caller's pointer. */
void watch_free(struct watch **);

/* Watch a descriptor for other events than before; 0 for none. Must be none before it is closed. A context of which
 * something has just been told may be told of until the turn ends. */
void watch_change(struct watch *, int fd, void *context, int before, int events);

#endif
