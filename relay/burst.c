#include "relay/burst.h"

void burst_told(struct burst *burst, uint64_t now, bool more)
{
    if (more)
        *burst = (struct burst){ .waiting = true, .since = now, .look = now, .spent = burst->spent };
    else
        *burst = (struct burst){ .waiting = false };
}

/* Often at first, when most have taken theirs. */
static uint64_t until_next_look(uint64_t waited)
{
    uint64_t step = waited / 2;
    if (step < BURST_LOOK_NS)
        return BURST_LOOK_NS;
    return step < BURST_LOOK_MOST_NS ? step : BURST_LOOK_MOST_NS;
}

uint64_t burst_left(struct burst *burst, uint64_t now, bool (*behind)(void *context), void *context)
{
    if (!burst->waiting)
        return 0;
    if (now + BURST_LOOK_NS / 2 < burst->look)
        return burst->look - now;
    uint64_t waited = now - burst->since;
    if (burst->spent + waited < BURST_WAIT_NS && behind(context)) {
        uint64_t step = until_next_look(waited);
        burst->look = now + step;
        return step;
    }
    burst->spent += waited;
    burst->waiting = false;
    return 0;
}
