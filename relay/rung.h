/* The rooms that rang and wait to be read: each once, as long as it is there. Some are left alone for a while
 * (telling.h), and wait on. Nobody is told here, and nothing is read. Loop thread only. */
#ifndef CONFAB_RELAY_RUNG_H
#define CONFAB_RELAY_RUNG_H

#include <stddef.h>
#include <stdint.h>

struct hub;
struct hub_room;

/* A room by its number; serial tells whether it is still the same one. */
struct ring {
    int64_t id;
    uint64_t serial;
};

/* The room of a ring, or NULL: it has been forgotten since. */
struct hub_room *rung_room(const struct hub *, struct ring);

/* Starts with nothing but the first three. */
struct rung {
    const struct hub *hub;
    /* How long a room is to be left alone from now on (uv_hrtime), in nanoseconds; 0: it is not. */
    uint64_t (*left)(void *context, struct hub_room *, uint64_t now);
    void *context;
    struct ring *rings;
    size_t count, size;
};

/* A room more, unless it waits already. */
void rung_add(struct rung *, struct hub_room *);

/* How long all that wait are to be left alone; 0: one is not, or none waits. */
uint64_t rung_rest(const struct rung *, uint64_t now);

/* Take out what is not to be left alone: calls for each of those rooms that is still there. Whoever reads a room anyhow
 * says so (room->rung false), and it is forgotten here. */
void rung_take(struct rung *, uint64_t now, void (*take)(struct hub_room *, void *context), void *context);

/* Give the memory back. */
void rung_free(struct rung *);

#endif
