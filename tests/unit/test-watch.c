/* relay/watch.c: what is told of descriptors in a loop that turns. */
#include "relay/watch.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/tap.h"

static uv_loop_t loop;
static struct watch *watch;
static int ends[2], told, times;
static bool quiet;

static void ready(void *context, int events)
{
    if (!quiet)
        ok(context == &told, "the context is told");
    told |= events;
    times++;
}

/* What is told in one turn, without waiting: the loop has no handles yet. */
static int turn(void)
{
    told = times = 0;
    watch_turn(watch);
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

/* --- with the loop --- */

static int rings, pings, waking[2];

static void rang(uv_timer_t *timer)
{
    (void)timer;
    rings++;
}

static void pinged(uv_poll_t *poll, int status, int events)
{
    char byte;
    (void)poll, (void)status, (void)events;
    pings += read(waking[0], &byte, 1) == 1;
}

static void start_poll(uv_timer_t *timer)
{
    uv_poll_start(timer->data, UV_READABLE, pinged);
}

static void test_timers(void)
{
    uv_timer_t timer;
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, rang, 20, 0);
    uint64_t begun = uv_hrtime();
    for (int i = 0; i < 3 && !rings; i++)
        turn();
    uint64_t took = uv_hrtime() - begun;
    ok(rings == 1 && took >= 19000000 && took < 5000000000, "it sleeps until a timer is due, and that is called");
    uv_timer_start(&timer, rang, 60000, 0);
    watch_change(watch, ends[0], &told, 0, WATCH_READABLE);
    ok(write(ends[1], "a", 1) == 1 && turn() == WATCH_READABLE && rings == 1, "what is ready wakes it before that");
    watch_change(watch, ends[0], &told, WATCH_READABLE, 0);
    uv_close((uv_handle_t *)&timer, NULL);
    turn();
}

/* The loop comes to know of a descriptor only when it turns next: nobody may sleep before that. */
static void test_polls(void)
{
    uv_poll_t poll;
    uv_timer_t starts, late;
    ok(pipe(waking) == 0 && uv_poll_init(&loop, &poll, waking[0]) == 0, "there is a pipe");
    uv_timer_init(&loop, &starts);
    uv_timer_init(&loop, &late);
    starts.data = &poll;
    uv_timer_start(&starts, start_poll, 1, 0);
    uv_timer_start(&late, rang, 10000, 0);
    ok(write(waking[1], "a", 1) == 1, "something is in it");
    for (int i = 0; i < 5 && !pings; i++)
        turn();
    ok(pings == 1 && rings == 1, "what the loop has begun to watch in a turn wakes the next");
    ok(write(waking[1], "b", 1) == 1, "something is in it again");
    turn();
    ok(pings == 2 && rings == 1, "and wakes it again");
    uv_close((uv_handle_t *)&poll, NULL);
    uv_close((uv_handle_t *)&starts, NULL);
    uv_close((uv_handle_t *)&late, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    close(waking[0]);
    close(waking[1]);
}

/* More than are told of in one turn, none of which is ever read: the loop gets its turn all the same. */
static void test_many(void)
{
    enum { MANY = 700 };
    static int pairs[MANY][2];
    int made = 0;
    while (made < MANY && socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[made]) == 0)
        made++;
    ok(made == MANY, "there are many descriptors");
    for (int i = 0; i < made; i++)
        watch_change(watch, pairs[i][0], &told, 0, WATCH_WRITABLE);
    uv_timer_t timer;
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, rang, 0, 0);
    quiet = true;
    turn();
    ok(times < MANY && rings == 2, "a timer is called between them");
    int first = times;
    turn();
    ok(first + times >= MANY, "and the others are told in the next turn");
    quiet = false;
    for (int i = 0; i < made; i++) {
        watch_change(watch, pairs[i][0], &told, WATCH_WRITABLE, 0);
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
}

int main(void)
{
    if (uv_loop_init(&loop) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 1;
    watch = watch_new(&loop, ready);
    test_changes();
    test_timers();
    test_polls();
    test_many();
    test_hung_up();
    watch_free(&watch);
    ok(watch == NULL && uv_loop_close(&loop) == 0, "nothing is left in the loop");
    close(ends[0]);
    return done();
}
