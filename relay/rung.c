#include "relay/rung.h"

#include <stdlib.h>

#include "base/must.h"
#include "relay/hub.h"

enum { FIRST_SIZE = 64 };

struct hub_room *rung_room(const struct hub *hub, struct ring ring)
{
    struct hub_room *room = hub_room_by_id(hub, ring.id);
    return room && room->serial == ring.serial ? room : NULL;
}

void rung_add(struct rung *rung, struct hub_room *room)
{
    if (room->rung)
        return;
    if (rung->count == rung->size) {
        rung->size = rung->size ? rung->size * 2 : FIRST_SIZE;
        rung->rings = reallocarray(rung->rings, rung->size, sizeof *rung->rings);
        must(rung->rings != NULL);
    }
    room->rung = true;
    rung->rings[rung->count++] = (struct ring){ room->id, room->serial };
}

uint64_t rung_rest(const struct rung *rung, uint64_t now)
{
    uint64_t least = rung->count ? UINT64_MAX : 0;
    for (size_t i = 0; i < rung->count && least; i++) {
        struct hub_room *room = rung_room(rung->hub, rung->rings[i]);
        uint64_t left = room ? rung->left(rung->context, room, now) : 0;
        least = left < least ? left : least;
    }
    return least;
}

void rung_take(struct rung *rung, uint64_t now, void (*take)(struct hub_room *, void *context), void *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < rung->count; i++) {
        struct hub_room *room = rung_room(rung->hub, rung->rings[i]);
        if (!room || !room->rung)
            continue;
        if (rung->left(rung->context, room, now)) {
            rung->rings[kept++] = rung->rings[i];
        } else {
            room->rung = false;
            take(room, context);
        }
    }
    rung->count = kept;
}

void rung_free(struct rung *rung)
{
    free(rung->rings);
    rung->rings = NULL;
    rung->count = rung->size = 0;
}
