#include "relay/porter.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/listen.h"
#include "base/log.h"
#include "base/must.h"
#include "chat/bell.h"
#include "chat/room.h"
#include "chat/scope.h"
#include "db/db.h"
#include "db/listener.h"
#include "relay/handles.h"
#include "relay/pool.h"
#include "relay/relay.h"
#include "relay/source.h"

/* A NOTIFY costs Postgres what a message costs it: a few hundred in a second are cheap, thousands are not. */
enum { RINGS_PER_TURN = 256, ROOMS_MAX = 1024, PAUSE_MS = 5 };

/* What waits to be told. */
struct rung {
    int64_t rooms[ROOMS_MAX]; /* maybe some more than once */
    size_t count;
    bool all;
};

struct porter {
    struct relay *relay;
    struct pool *pool;     /* one worker, so that NOTIFYs come from one connection */
    struct listening bell; /* fd -1: it does not hang */
    uv_poll_t *poll;       /* on it */
    struct rung rung;
    bool wanted;          /* it is to hang */
    bool complained;      /* that it could not be hung */
    uv_timer_t pause;     /* between two tellings */
    bool telling, failed; /* failed: not to be tried again in this second */
    size_t nonsense;      /* datagrams since the last tick that said nothing */
    _Atomic(int) own;     /* db_backend of the connection that told last, or 0 */
};

struct tell_job {
    struct job job;
    struct porter *porter;
    const int64_t *rooms;
    size_t count; /* 0: all */
    enum outcome outcome;
};

/* --- what rang --- */

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Each once. */
static void tidy(struct rung *rung)
{
    size_t kept = 0;
    qsort(rung->rooms, rung->count, sizeof rung->rooms[0], by_number);
    for (size_t i = 0; i < rung->count; i++)
        if (i == 0 || rung->rooms[i] != rung->rooms[kept - 1])
            rung->rooms[kept++] = rung->rooms[i];
    rung->count = kept;
}

static void add_all(struct rung *rung)
{
    rung->all = true;
    rung->count = 0;
}

static void add(struct rung *rung, int64_t room)
{
    if (rung->all || (rung->count && rung->rooms[rung->count - 1] == room))
        return;
    bool full = rung->count == ROOMS_MAX;
    if (full)
        tidy(rung);
    if (full && rung->count > ROOMS_MAX / 2)
        add_all(rung);
    else
        rung->rooms[rung->count++] = room;
}

static void answer(struct porter *porter, int most)
{
    unsigned char bytes[BELL_BYTES + 1]; /* one that is longer shows */
    int64_t room;
    while (most-- > 0) {
        ssize_t len = recv(porter->bell.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (len < 0)
            return;
        if (bell_read(bytes, (size_t)len, &room)) {
            source_ring(porter->relay->source, room);
            add(&porter->rung, room);
        } else {
            porter->nonsense++;
        }
    }
}

/* --- telling --- */

static void tell_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct tell_job *tell = (struct tell_job *)job;
    (void)view;
    tell->outcome = room_ring(scope, tell->rooms, tell->count);
    atomic_store(&tell->porter->own, tell->outcome == DONE ? db_backend(scope->db) : 0);
}

/* It wakes the loop, and so comes to the end of a turn. */
static void pause_over(uv_timer_t *timer)
{
    (void)timer;
}

static void tell_done(struct job *job)
{
    struct tell_job *tell = (struct tell_job *)job;
    tell->porter->telling = false;
    uv_timer_start(&tell->porter->pause, pause_over, PAUSE_MS, 0);
    if (tell->outcome == DONE)
        return;
    tell->porter->failed = true;
    add_all(&tell->porter->rung);
}

static bool anything(const struct rung *rung)
{
    return rung->all || rung->count;
}

void porter_turn(struct porter *porter)
{
    struct rung *rung = &porter->rung;
    bool waits = porter->telling || porter->failed || uv_is_active((uv_handle_t *)&porter->pause);
    if (waits || !anything(rung) || !source_connected_since(porter->relay->source))
        return;
    struct tell_job *tell = job_new(sizeof *tell, tell_work, tell_done);
    tidy(rung);
    int64_t *rooms = arena_array(tell->job.arena, rung->count, sizeof *rooms);
    if (rung->count)
        memcpy(rooms, rung->rooms, rung->count * sizeof *rooms);
    tell->porter = porter;
    tell->rooms = rooms;
    tell->count = rung->count;
    rung->count = 0;
    rung->all = false;
    porter->telling = true;
    pool_submit(porter->pool, &tell->job);
}

void porter_heard(struct porter *porter, const struct heard *heard)
{
    struct source *source = porter->relay->source;
    int64_t id;
    if (heard->from && heard->from == atomic_load(&porter->own))
        return; /* we told it */
    if (!heard->payload.len)
        source_ring_all(source);
    else if (text_number(heard->payload, INT64_MAX, &id))
        source_ring(source, id);
}

/* Without the database nothing can be told; the next one that gains it tells everybody to look. */
bool porter_done(const struct porter *porter)
{
    bool possible = source_connected_since(porter->relay->source) && !porter->failed;
    return !porter->telling && !(possible && anything(&porter->rung));
}

/* --- the bell --- */

static void rang(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    answer(poll->data, RINGS_PER_TURN);
}

static void hang_up(struct porter *porter)
{
    const char *where = porter->relay->config->relay_bell;
    if (!listen_datagrams(where, &porter->bell)) {
        if (!porter->complained)
            log_event(LOG_WARN, "no bell", LOG_S("at", where), LOG_S("reason", strerror(errno)));
        porter->complained = true;
        return;
    }
    porter->complained = false;
    porter->poll = malloc(sizeof *porter->poll);
    must(porter->poll != NULL && uv_poll_init(porter->relay->loop, porter->poll, porter->bell.fd) == 0);
    porter->poll->data = porter;
    uv_poll_start(porter->poll, UV_READABLE, rang);
}

/* Who rings after shutdown is told that it can not be; what came before that can still be read. */
static void take_down(struct porter *porter)
{
    if (porter->bell.fd < 0)
        return;
    shutdown(porter->bell.fd, SHUT_RD);
    answer(porter, INT_MAX);
    handles_close(porter->poll, (void *[]){ porter->poll }, 1);
    porter->poll = NULL;
    listen_close(&porter->bell);
}

void porter_gained(struct porter *porter)
{
    porter->wanted = *porter->relay->config->relay_bell && !porter->relay->draining;
    if (porter->wanted && porter->bell.fd < 0)
        hang_up(porter);
    atomic_store(&porter->own, 0); /* it may have been another server's */
    porter->failed = false;
    add_all(&porter->rung);
}

void porter_lost(struct porter *porter)
{
    porter->wanted = false;
    take_down(porter);
}

static bool nobody_has(const char *where)
{
    return access(where + strlen("unix:"), F_OK) != 0;
}

void porter_tick(struct porter *porter)
{
    if (porter->nonsense)
        log_event(LOG_WARN, "nonsense at the bell", LOG_N("datagrams", porter->nonsense));
    porter->nonsense = 0;
    porter->failed = false;
    if (porter->bell.fd >= 0 && !listen_reached(&porter->bell))
        take_down(porter); /* whoever rings has to look for the path anew */
    if (porter->wanted && porter->bell.fd < 0 && nobody_has(porter->relay->config->relay_bell))
        hang_up(porter);
}

/* --- beginning and end --- */

struct porter *porter_new(struct relay *relay)
{
    struct porter *porter = calloc(1, sizeof *porter);
    must(porter != NULL);
    porter->relay = relay;
    porter->bell.fd = -1;
    porter->pool = pool_new(relay->loop, 1, relay->config, relay->view);
    uv_timer_init(relay->loop, &porter->pause);
    porter->pause.data = porter;
    return porter;
}

void porter_free(struct porter **gone)
{
    struct porter *porter = *gone;
    if (!porter)
        return;
    pool_free(&porter->pool);
    take_down(porter);
    handles_close(porter, (void *[]){ &porter->pause }, 1);
    *gone = NULL;
}
