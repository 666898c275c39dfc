/* A room that took long to tell rests before it is read again: half as long as that took. What is posted in a burst,
 * and what answers it, then goes out together, with one send for each member (`./dev bench fanout`). What came alone
 * waits for nobody: the rest begins when the members have been told, so nothing is later by more than half of what it
 * waited for already. Small rooms never rest.
 *
 * Through a proxy on this machine a telling is over when the proxy has read what the last member was sent: it has a few
 * times as much to do as we, and before that it can do nothing with what comes next. If something came meanwhile the
 * rest follows. Times are in nanoseconds of uv_hrtime. */
#ifndef CONFAB_RELAY_RESTING_H
#define CONFAB_RELAY_RESTING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RESTING_LEAST_NS = 1000 * 1000,      /* timers are in milliseconds */
    RESTING_MOST_NS = 20 * 1000 * 1000,  /* nobody has to notice */
    RESTING_PROXY_NS = 200 * 1000 * 1000 /* for the proxy; one that reads later is not waited for */
};

/* Starts as zeros. */
struct resting {
    uint64_t until;
    uint64_t begun, took; /* the last telling, while the proxy reads it */
    int last;             /* the descriptor of the member told last, then; if it is another's by now, no harm is done */
    bool proxy;           /* is it still reading? */
    bool awaited;         /* by something that is to be told next */
};

/* All members of the room were told, in this time. last: the descriptor on which one of them was told last, if through
 * a proxy, or -1. */
void resting_begin(struct resting *, uint64_t begun, uint64_t ended, int last);

/* Something is to be told: how long the room rests from now on. 0, or at least half a millisecond, and then ask again.
 */
uint64_t resting_left(struct resting *, uint64_t now);

#endif
