/* relay/watch.c: what is told of descriptors in a loop that turns. */
#include "relay/watch.h"

#include <sys/socket.h>
#include <unistd.h>

#include "../support/tap.h"

static uv_loop_t loop;
static struct watch *watch;
static int ends[2], told, times;

static void ready(void *context, int events)
{
    ok(context == &told, "the context is told");
    told |= events;
    times++;
}

/* What is told when the loop turns once, without waiting. */
static int turn(void)
{
    told = times = 0;
    uv_run(&loop, UV_RUN_NOWAIT);
    return told;
}

static void test_changes(void)
{
    watch_change(watch, ends[0], &told, 0, WATCH_READABLE);
    ok(turn() == 0, "nothing is told while nothing came");
    ok(write(ends[1], "a", 1) == 1 && turn() == WATCH_READABLE && times == 1, "what came is told");
    ok(turn() == WATCH_READABLE, "and again, until it is read");
    watch_change(watch, ends[0], &told, WATCH_READABLE, WATCH_READABLE | WATCH_WRITABLE);
    ok(turn() == (WATCH_READABLE | WATCH_WRITABLE) && times == 1, "both are told in one");
    watch_change(watch, ends[0], &told, WATCH_READABLE | WATCH_WRITABLE, WATCH_WRITABLE);
    ok(turn() == WATCH_WRITABLE, "only what is watched is told");
    watch_change(watch, ends[0], &told, WATCH_WRITABLE, 0);
    ok(turn() == 0, "and then nothing");
}

static void test_hung_up(void)
{
    close(ends[1]);
    ok(turn() == 0, "a connection that nobody watches may end");
    watch_change(watch, ends[0], &told, 0, WATCH_READABLE);
    ok(turn() & WATCH_READABLE, "its end can be read");
    watch_change(watch, ends[0], &told, WATCH_READABLE, 0);
}

int main(void)
{
    if (uv_loop_init(&loop) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 1;
    watch = watch_new(&loop, ready);
    test_changes();
    test_hung_up();
    watch_free(&watch);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(watch == NULL && uv_loop_close(&loop) == 0, "nothing is left in the loop");
    close(ends[0]);
    return done();
}
