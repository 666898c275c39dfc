/* relay/burst.c: when the next part of a burst is read. */
#include "relay/burst.h"

#include "../support/tap.h"

enum { MS = 1000 * 1000, TOLD = 100 * MS };

/* Members that are behind until then. */
struct members {
    uint64_t until, now;
    int looks;
};

static bool behind(void *context)
{
    struct members *members = context;
    members->looks++;
    return members->now < members->until;
}

static uint64_t left(struct burst *burst, struct members *members, uint64_t now)
{
    members->now = now;
    return burst_left(burst, now, behind, members);
}

/* Asks again each time that it is told to; how long the part waited. */
static uint64_t wait(struct burst *burst, struct members *members, uint64_t told)
{
    uint64_t now = told;
    for (uint64_t more; (more = left(burst, members, now));)
        now += more;
    return now - told;
}

static void alone(void)
{
    struct burst burst = { .waiting = false };
    struct members members = { .until = UINT64_MAX };
    ok(left(&burst, &members, TOLD) == 0, "a room that was not told yet waits for nobody");
    burst_told(&burst, TOLD, false);
    ok(left(&burst, &members, TOLD) == 0 && members.looks == 0, "nor one where nothing follows");
}

static void followed(void)
{
    struct burst burst = { .waiting = false };
    struct members quick = { .until = 0 }, slower = { .until = TOLD + 30 * MS };
    burst_told(&burst, TOLD, true);
    ok(left(&burst, &quick, TOLD) == 0, "where everybody has room the next part follows at once");
    ok(left(&burst, &slower, TOLD) == 0 && slower.looks == 0, "once that was found, nobody is looked at again");
    burst_told(&burst, TOLD, true);
    uint64_t waited = wait(&burst, &slower, TOLD);
    ok(waited >= 30 * MS && waited < 46 * MS, "who is behind is waited for, and not much longer");
    ok(slower.looks < 15, "the longer it takes the less often is looked");
    slower = (struct members){ .until = UINT64_MAX };
    burst_told(&burst, TOLD, true);
    uint64_t more = left(&burst, &slower, TOLD);
    ok(more > 0 && left(&burst, &slower, TOLD + more / 4) > 0 && slower.looks == 1,
       "asked in between, nobody is looked at");
}

static void never_followed(void)
{
    struct burst burst = { .waiting = false };
    struct members slow = { .until = UINT64_MAX };
    burst_told(&burst, TOLD, true);
    uint64_t first = wait(&burst, &slow, TOLD);
    ok(first >= BURST_WAIT_NS && first < BURST_WAIT_NS + BURST_LOOK_MOST_NS,
       "nobody is waited for longer than a second");
    burst_told(&burst, TOLD + first, true);
    ok(wait(&burst, &slow, TOLD + first) == 0, "of all parts of a burst together");
    burst_told(&burst, TOLD + first, false);
    burst_told(&burst, TOLD + 2 * first, true);
    ok(left(&burst, &slow, TOLD + 2 * first) > 0, "in the next one it is again");
}

int main(void)
{
    alone();
    followed();
    never_followed();
    return done();
}
