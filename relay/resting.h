/* A room that took long to tell rests before it is read again: half as long as that took. What is posted in a burst,
 * and what answers it, then goes out together, with one send for each member (`./dev bench fanout`). What came alone
 * waits for nobody: the rest begins when the members have been told, so nothing is later by more than half of what it
 * waited for already. Small rooms never rest. Nanoseconds of uv_hrtime. */
#ifndef CONFAB_RELAY_RESTING_H
#define CONFAB_RELAY_RESTING_H

#include <stdint.h>

enum {
    RESTING_LEAST_NS = 1000 * 1000,    /* timers are in milliseconds */
    RESTING_MOST_NS = 20 * 1000 * 1000 /* nobody has to notice */
};

struct hub_room;

/* All members of the room were told, in this time. */
void resting_begin(struct hub_room *, uint64_t begun, uint64_t ended);

/* How long the room rests from now on: 0, or at least half a millisecond. */
uint64_t resting_left(const struct hub_room *, uint64_t now);

#endif
