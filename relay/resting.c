#include "relay/resting.h"

#include "relay/hub.h"

void resting_begin(struct hub_room *room, uint64_t begun, uint64_t ended)
{
    uint64_t rest = (ended - begun) / 2;
    if (rest > RESTING_MOST_NS)
        rest = RESTING_MOST_NS;
    if (rest >= RESTING_LEAST_NS)
        room->rests = ended + rest;
}

uint64_t resting_left(const struct hub_room *room, uint64_t now)
{
    uint64_t left = room->rests > now ? room->rests - now : 0;
    return left >= RESTING_LEAST_NS / 2 ? left : 0;
}
