/* relay/resting.c: which rooms are read again at once after they were told, and which a little later. */
#include "relay/resting.h"

#include <sys/socket.h>
#include <unistd.h>

#include "../support/tap.h"

enum { MS = 1000 * 1000, BEGUN = 100 * MS };

/* How long a room rests that was told from 100 ms to that. */
static uint64_t rest_after(uint64_t took, uint64_t later)
{
    struct resting room = { .until = 0 };
    resting_begin(&room, BEGUN, BEGUN + took, -1);
    return resting_left(&room, BEGUN + took + later);
}

static void one_behind_another(void)
{
    struct resting room = { .until = 0 };
    resting_begin(&room, 0, 8 * MS, -1);
    resting_begin(&room, 12 * MS, 12 * MS + 100, -1);
    ok(resting_left(&room, 12 * MS + 100) == 0, "a short telling after a long one needs no rest");
    resting_begin(&room, 20 * MS, 30 * MS, -1);
    ok(resting_left(&room, 30 * MS) == 5 * MS, "and each long one has its own");
}

/* A room that was told through a proxy, in that time, and the proxy's end of the last member's connection. */
static struct resting proxied(int ends[2], uint64_t took)
{
    struct resting room = { .until = 0 };
    ok(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && send(ends[0], "hello", 5, 0) == 5, "a proxy is told");
    resting_begin(&room, BEGUN, BEGUN + took, ends[0]);
    return room;
}

static void finish(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void proxy_reads(void)
{
    char bytes[5];
    int ends[2];
    struct resting room = proxied(ends, 4 * MS);
    ok(resting_left(&room, BEGUN + 6 * MS) > 0, "while the proxy has not read what was sent last, the room rests");
    ok(recv(ends[1], bytes, 2, 0) == 2 && resting_left(&room, BEGUN + 9 * MS) > 0, "nor has it when it read a part");
    ok(recv(ends[1], bytes, 3, 0) == 3 && resting_left(&room, BEGUN + 12 * MS) == 8 * MS,
       "when it has, what came meanwhile waits a little for what answers");
    ok(resting_left(&room, BEGUN + 20 * MS) == 0, "and is told then");
    finish(ends);
}

static void proxy_is_quick(void)
{
    char bytes[5];
    int ends[2];
    struct resting room = proxied(ends, 4 * MS);
    ok(recv(ends[1], bytes, 5, 0) == 5 && resting_left(&room, BEGUN + 9 * MS) == 0,
       "what comes when the proxy has read is told at once");
    finish(ends);
}

static void proxy_is_stuck(void)
{
    int ends[2];
    struct resting room = proxied(ends, 4 * MS);
    ok(resting_left(&room, BEGUN + 31 * MS) > 0, "a proxy that reads slowly is waited for");
    ok(resting_left(&room, BEGUN + 32 * MS) == 0, "but not longer than eight times the telling");
    room = (struct resting){ .until = 0 };
    resting_begin(&room, BEGUN, BEGUN + 3000ull * MS, ends[0]);
    ok(resting_left(&room, BEGUN + 3000ull * MS) == 0, "nor ever longer than a fifth of a second");
    resting_begin(&room, BEGUN, BEGUN + 4 * MS, ends[0]);
    finish(ends);
    ok(resting_left(&room, BEGUN + 6 * MS) == 0, "nor one whose connection is gone");
    room = proxied(ends, MS / 2);
    ok(resting_left(&room, BEGUN + MS / 2) == 0, "a small room does not rest");
    finish(ends);
}

int main(void)
{
    struct resting fresh = { .until = 0 };
    ok(resting_left(&fresh, 5) == 0, "a room that was never told does not rest");
    ok(rest_after(MS, 0) == 0, "a room that is told in a millisecond does not rest");
    ok(rest_after(10 * MS, 0) == 5 * MS, "one that took ten milliseconds rests for five");
    ok(rest_after(10 * MS, 2 * MS) == 3 * MS, "of which less is left later");
    ok(rest_after(10 * MS, 5 * MS) == 0, "and nothing at the end");
    ok(rest_after(10 * MS, 4 * MS + MS * 3 / 4) == 0, "what a timer can not wait for is over");
    ok(rest_after(3600ull * 1000 * MS, 0) == RESTING_MOST_NS, "it never rests longer than people can notice");
    one_behind_another();
    proxy_reads();
    proxy_is_quick();
    proxy_is_stuck();
    return done();
}
