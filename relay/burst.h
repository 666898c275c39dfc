/* Between two parts of a burst. What is read of a room at once is bounded (reading.h); when more is there, the next
 * part waits until everybody who reads has room for it in his queue. Else it would be the relay that fills the queues,
 * and close those who read as fast as they can. Whoever reads too slowly for that is not waited for: nobody for more
 * than a second of one burst, and not who takes nothing at all (peer_behind). Pure; times are in nanoseconds of
 * uv_hrtime. */
#ifndef CONFAB_RELAY_BURST_H
#define CONFAB_RELAY_BURST_H

#include <stdbool.h>
#include <stdint.h>

enum { BURST_LOOK_NS = 1000 * 1000, BURST_LOOK_MOST_NS = 16 * 1000 * 1000, BURST_WAIT_NS = 1000 * 1000 * 1000 };

/* Starts as zeros. */
struct burst {
    bool waiting;
    uint64_t since, look; /* it waits; when to look again */
    uint64_t spent;       /* waited for earlier parts */
};

/* A part was told now; more: another one follows. */
void burst_told(struct burst *, uint64_t now, bool more);

/* How long the next part waits from now on: 0, or at least half a millisecond, and then ask again. behind is asked now
 * and then: is there somebody to wait for? */
uint64_t burst_left(struct burst *, uint64_t now, bool (*behind)(void *context), void *context);

#endif
