/* relay/resting.c: which rooms are read again at once after they were told, and which a little later. */
#include "relay/resting.h"

#include "relay/hub.h"
#include "../support/tap.h"

enum { MS = 1000 * 1000 };

/* How long a room rests that was told from 100 ms to that. */
static uint64_t rest_after(uint64_t took, uint64_t later)
{
    struct hub_room room = { .rev = 1 };
    uint64_t ended = 100 * MS + took;
    resting_begin(&room, 100 * MS, ended);
    return resting_left(&room, ended + later);
}

static void one_behind_another(void)
{
    struct hub_room room = { .rev = 1 };
    resting_begin(&room, 0, 8 * MS);
    resting_begin(&room, 12 * MS, 12 * MS + 100);
    ok(resting_left(&room, 12 * MS + 100) == 0, "a short telling after a long one needs no rest");
    resting_begin(&room, 20 * MS, 30 * MS);
    ok(resting_left(&room, 30 * MS) == 5 * MS, "and each long one has its own");
}

int main(void)
{
    struct hub_room fresh = { .rev = 0 };
    ok(resting_left(&fresh, 5) == 0, "a room that was never told does not rest");
    ok(rest_after(MS, 0) == 0, "a room that is told in a millisecond does not rest");
    ok(rest_after(10 * MS, 0) == 5 * MS, "one that took ten milliseconds rests for five");
    ok(rest_after(10 * MS, 2 * MS) == 3 * MS, "of which less is left later");
    ok(rest_after(10 * MS, 5 * MS) == 0, "and nothing at the end");
    ok(rest_after(10 * MS, 4 * MS + MS * 3 / 4) == 0, "what a timer can not wait for is over");
    ok(rest_after(3600ull * 1000 * MS, 0) == RESTING_MOST_NS, "it never rests longer than people can notice");
    one_behind_another();
    return done();
}
