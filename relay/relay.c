/* confab-relay: holds the browsers' connections. One loop; it keeps no truth of its own and may be killed at any
 * moment. Reading order: here, welcome.c, peer.c, phoenix.c, hub.c, source.c. */
#include "relay/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/listen.h"
#include "base/log.h"
#include "base/must.h"
#include "relay/addresses.h"
#include "relay/broadcast.h"
#include "relay/call.h"
#include "relay/ending.h"
#include "relay/hub.h"
#include "relay/longpoll.h"
#include "relay/peer.h"
#include "relay/phoenix.h"
#include "relay/pool.h"
#include "relay/porter.h"
#include "relay/presence.h"
#include "relay/sessions.h"
#include "relay/source.h"
#include "relay/stream.h"
#include "relay/sweeping.h"
#include "relay/watch.h"
#include "web/view.h"

enum {
    WORKERS = 4,
    DESCRIPTORS_KEPT = 64, /* for the database, the log, the loop, */
    REFUSALS_MAX = 16,     /* and for connections above the limit while they are told so */
    ACCEPTS_PER_TURN = 64,
    ABSENT_MS = 2000, /* who is only busy does not tick so late */
    TICK_MS = 800,    /* also between sweeps: what nobody rang for shows within a second */
    TIDY_AFTER = 500, /* connections that came, or went */
    DRAIN_STEP_MS = 50,
    DRAIN_STEPS = 40,      /* closes are spread over two seconds */
    DRAIN_MOST_MS = 10000, /* then what is left is cut off */
};

/* The program: what only main and its callbacks need. */
struct program {
    struct relay relay;
    struct listening listening;
    int reserve; /* a descriptor to give away when there are no others */
    uv_poll_t accepting;
    uv_timer_t tick, drain;
    uv_signal_t terminate, interrupt;
    size_t drain_portion;
    int64_t drain_since;
    bool stopped;
};

int64_t relay_now(const struct relay *relay)
{
    return (int64_t)uv_now(relay->loop);
}

/* Flushing may end peers and let go on what waited for it, which queues more and makes more calls: until nothing is
 * left. */
void relay_turn(struct relay *relay)
{
    bool flushed;
    do {
        source_turn(relay->source);
        porter_turn(relay->porter);
        call_turn(relay);
        longpoll_turn(relay);
        stream_turn(relay);
        flushed = relay->flushing.count || relay->ending.count;
        peer_flush_all(relay);
        peer_free_ended(relay);
    } while (flushed);
}

/* --- connections --- */

/* No descriptor is left: without this the same connection would wake us for ever. It is taken and dropped. */
static void refuse_one(struct program *program)
{
    struct text address;
    char text[64];
    close(program->reserve);
    int fd = listen_accept(&program->listening, text, &address);
    if (fd >= 0)
        close(fd);
    program->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    program->relay.turned_away++;
}

/* The database must find a descriptor when it has to connect anew: so those that are kept for it are never given to
 * peers, not even to be refused in words. */
static void take_in(struct relay *relay, int fd, struct text address)
{
    if (relay->peer_count < relay->peer_limit + REFUSALS_MAX) {
        peer_new(relay, fd, address);
        return;
    }
    close(fd);
    relay->turned_away++;
}

static void accept_some(uv_poll_t *handle, int status, int events)
{
    struct program *program = handle->data;
    (void)status, (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct text address;
        char text[64];
        int fd = listen_accept(&program->listening, text, &address);
        if (fd >= 0)
            take_in(&program->relay, fd, address);
        else if (errno == EMFILE || errno == ENFILE)
            refuse_one(program);
        if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

/* After many have come or gone, the heap has holes that nobody may need for days: give them back. */
static void tidy(struct relay *relay)
{
    size_t moved = relay->peer_serial > relay->tidied ? (size_t)(relay->peer_serial - relay->tidied) : 0;
    bool quiet = relay->peer_serial == relay->seen && relay->peer_count == relay->seen_count;
    relay->seen = relay->peer_serial;
    relay->seen_count = relay->peer_count;
    if (!quiet || (moved < TIDY_AFTER && relay->tidied_count < relay->peer_count + TIDY_AFTER))
        return;
    malloc_trim(0);
    relay->tidied = relay->peer_serial;
    relay->tidied_count = relay->peer_count;
}

/* In the time of ticks that are missing nobody could be heard, neither a peer nor the database. What they said
 * meanwhile is read behind this tick. */
static void excuse(struct relay *relay)
{
    int64_t late = relay_now(relay) - relay->ticked - TICK_MS;
    relay->ticked = relay_now(relay);
    if (late < ABSENT_MS)
        return;
    log_event(LOG_WARN, "did not run", LOG_N("ms", late));
    source_excuse(relay->source, late);
    for (int fd = -1; (fd = roster_next(relay->roster, fd)) >= 0;)
        peer_excuse(roster_peer(relay->roster, fd), (uint32_t)late);
}

/* None is freed before the turn ends. */
static void tick_peers(struct relay *relay)
{
    uint32_t now = (uint32_t)relay_now(relay);
    for (int fd = -1; (fd = roster_due(relay->roster, fd, now)) >= 0;)
        roster_look(relay->roster, fd, peer_tick(roster_peer(relay->roster, fd)));
}

static void tick(uv_timer_t *timer)
{
    struct relay *relay = timer->data;
    excuse(relay);
    tidy(relay);
    source_tick(relay->source);
    porter_tick(relay->porter);
    ending_tick(relay);
    presence_tick(relay->presence);
    sweeping_tick(relay);
    tick_peers(relay);
    if (relay->turned_away)
        log_event(LOG_WARN, "connections dropped", LOG_N("dropped", relay->turned_away),
                  LOG_N("peers", relay->peer_count));
    relay->turned_away = 0;
}

/* --- the end --- */

static void stop(struct program *program)
{
    uv_close((uv_handle_t *)&program->drain, NULL);
    uv_close((uv_handle_t *)&program->tick, NULL);
    uv_close((uv_handle_t *)&program->terminate, NULL);
    uv_close((uv_handle_t *)&program->interrupt, NULL);
    pool_free(&program->relay.pool);
    porter_free(&program->relay.porter);
    source_free(&program->relay.source);
    presence_free(&program->relay.presence);
    program->stopped = true;
}

static void drain_step(uv_timer_t *timer)
{
    struct program *program = timer->data;
    struct relay *relay = &program->relay;
    size_t portion = program->drain_portion;
    for (int fd = -1; portion && (fd = roster_next(relay->roster, fd)) >= 0;) {
        struct peer *peer = roster_peer(relay->roster, fd);
        if (peer->leaving || peer->state >= PEER_CLOSING)
            continue;
        peer_leave(peer);
        portion--;
    }
    bool late = relay_now(relay) - program->drain_since >= DRAIN_MOST_MS;
    if ((relay->peer_count || !presence_ended(relay->presence) || !porter_done(relay->porter)) && !late)
        return;
    if (late) { /* workers may hang in the database: the process's end frees everything */
        log_event(LOG_WARN, "stopped without waiting", LOG_N("peers", relay->peer_count));
        _exit(0);
    }
    stop(program);
}

static void drain(uv_signal_t *handle, int number)
{
    struct program *program = handle->data;
    struct relay *relay = &program->relay;
    if (relay->draining)
        return;
    log_event(LOG_INFO, "drain", LOG_N("signal", number), LOG_N("peers", relay->peer_count));
    relay->draining = true;
    porter_lost(relay->porter);
    uv_close((uv_handle_t *)&program->accepting, NULL);
    listen_close(&program->listening);
    program->drain_portion = 1 + relay->peer_count / DRAIN_STEPS;
    if (relay->peer_count < DRAIN_STEPS) /* few: at once */
        program->drain_portion = DRAIN_STEPS;
    program->drain_since = relay_now(relay);
    uv_timer_start(&program->drain, drain_step, 0, DRAIN_STEP_MS);
}

/* --- the beginning --- */

/* As many descriptors as we may have, and no more peers than that. */
static size_t peer_limit(const struct config *config)
{
    struct rlimit limit;
    size_t asked = (size_t)config->relay_max_peers;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= asked + DESCRIPTORS_KEPT)
        return asked;
    size_t lowered = limit.rlim_cur > 2 * DESCRIPTORS_KEPT ? limit.rlim_cur - DESCRIPTORS_KEPT : limit.rlim_cur / 2;
    log_event(LOG_WARN, "max_peers lowered", LOG_N("asked", asked), LOG_N("peers", lowered),
              LOG_N("descriptors", limit.rlim_cur));
    return lowered;
}

static void start(struct program *program, uv_loop_t *loop)
{
    struct relay *relay = &program->relay;
    relay->loop = loop;
    relay->proxied = program->listening.local;
    relay->hub = phoenix_hub_new(relay);
    relay->pool = pool_new(loop, WORKERS, relay->config, relay->view);
    relay->calls = calls_new();
    relay->addresses = addresses_new();
    relay->roster = roster_new();
    relay->ping = broadcast_frame(OPCODE_PING, TEXT(""), 0);
    relay->sessions = sessions_new();
    relay->ends = ending_new();
    relay->longpolls = longpolls_new();
    relay->source = source_new(relay);
    relay->porter = porter_new(relay);
    relay->presence = presence_new(relay);
    relay->watch = watch_new(loop, peer_ready);
    program->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    must(uv_poll_init(loop, &program->accepting, program->listening.fd) == 0);
    uv_poll_start(&program->accepting, UV_READABLE, accept_some);
    uv_timer_init(loop, &program->tick);
    program->relay.ticked = relay_now(&program->relay);
    uv_timer_start(&program->tick, tick, TICK_MS, TICK_MS);
    uv_timer_init(loop, &program->drain);
    uv_signal_init(loop, &program->terminate);
    uv_signal_start(&program->terminate, drain, SIGTERM);
    uv_signal_init(loop, &program->interrupt);
    uv_signal_start(&program->interrupt, drain, SIGINT);
    program->accepting.data = program->drain.data = program->terminate.data = program->interrupt.data = program;
    program->tick.data = relay;
}

static void turn(struct program *program)
{
    watch_turn(program->relay.watch);
    if (!program->stopped)
        relay_turn(&program->relay);
}

static void run(struct program *program)
{
    uv_loop_t loop;
    signal(SIGPIPE, SIG_IGN);
    must(uv_loop_init(&loop) == 0);
    start(program, &loop);
    log_event(LOG_INFO, "listening", LOG_S("on", program->relay.config->relay_listen),
              LOG_N("max_peers", program->relay.peer_limit));
    while (!program->stopped)
        turn(program);
    uv_run(&loop, UV_RUN_DEFAULT); /* handles close */
    watch_free(&program->relay.watch);
    calls_free(&program->relay.calls);
    longpolls_free(&program->relay.longpolls);
    hub_free(&program->relay.hub);
    addresses_free(&program->relay.addresses);
    ending_free(&program->relay.ends);
    sessions_free(&program->relay.sessions);
    roster_free(&program->relay.roster);
    broadcast_release(&program->relay.ping);
    peer_list_free(&program->relay.flushing);
    peer_list_free(&program->relay.ending);
    must(uv_loop_close(&loop) == 0);
    close(program->reserve);
    log_event(LOG_INFO, "stopped", LOG_N("peers", program->relay.peer_serial));
}

/* Everything that can be wrong is found out before anybody is let in. NULL, or a sentence. */
static const char *prepare(struct program *program, struct arena *arena, struct view **view)
{
    struct relay *relay = &program->relay;
    const char *error = NULL;
    relay->config = config_load(arena, NULL, &error);
    if (!relay->config)
        return error;
    if (relay->config->key_count == 0)
        return "session.keys is not set";
    *view = view_load(arena_printf(arena, "%s/views", relay->config->site_data), arena, &error);
    relay->view = *view;
    if (!relay->view)
        return error;
    relay->peer_limit = peer_limit(relay->config);
    return listen_open(relay->config->relay_listen, arena, &program->listening, &error) ? NULL : error;
}

int main(int argc, char **argv)
{
    struct program program = { .reserve = -1 };
    struct view *view = NULL;
    (void)argv;
    if (argc != 1) {
        fprintf(stderr, "usage: confab-relay (everything is set in confab.conf)\n");
        return 2;
    }
    log_open("relay", LOG_INFO);
    must(sodium_init() >= 0);
    struct arena *arena = arena_new();
    const char *error = prepare(&program, arena, &view);
    if (error)
        fprintf(stderr, "confab-relay: %s\n", error);
    else
        run(&program);
    view_free(&view);
    arena_free(&arena);
    return error ? 1 : 0;
}
