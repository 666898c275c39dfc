#include "relay/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/must.h"
#include "db/listener.h"
#include "relay/crowd.h"
#include "relay/ending.h"
#include "relay/handles.h"
#include "relay/hub.h"
#include "relay/longpoll.h"
#include "relay/peer.h"
#include "relay/pool.h"
#include "relay/porter.h"
#include "relay/presence.h"
#include "relay/reading.h"
#include "relay/relay.h"
#include "relay/resting.h"
#include "relay/rung.h"
#include "relay/telling.h"

/* Milliseconds. */
enum {
    RETRY_FIRST_MS = 50,
    RETRY_MOST_MS = 400,
    CONNECT_MS = 3000,
    AWAY_MS = 5000,
    READ_MS = 3000,
    BEAT_MS = 250,
    PING_BEATS = 2,   /* one ping in so many beats */
    SILENT_BEATS = 4, /* without an answer for so many: vanished */
};

struct source {
    struct relay *relay;
    struct pool *pool; /* one worker of its own: reads never wait behind posts */
    struct listener *listener;
    uv_poll_t *poll; /* on the listener's descriptor, or NULL */
    struct listener_wants wants;
    uv_timer_t retry, beat, rest;
    int64_t beaten;                  /* relay_now of the last beat */
    int64_t pinged;                  /* relay_now of the last ping */
    unsigned beats, silent;          /* silent: beats since an unanswered ping */
    int64_t retry_ms, dialled, lost; /* relay_now */
    bool listening;                  /* LISTEN is committed */
    bool renewed;                    /* the connections were declared dead, and none listens since */
    uint64_t listens;                /* counts the LISTENs: a sweep belongs to one */
    bool sweep_due, ends_due, reading;
    int64_t reading_since;   /* relay_now */
    int64_t connected_since; /* clock_now, or 0 */
    bool sent_away;
    struct rung rung;
};

int64_t source_connected_since(const struct source *source)
{
    return source->connected_since;
}

bool source_away(const struct source *source)
{
    return source->sent_away;
}

void source_submit(struct source *source, struct job *job)
{
    pool_submit(source->pool, job);
}

/* --- connected and lost --- */

/* since: of the last sign of life. */
static void lost(struct source *source, const char *reason, int64_t since)
{
    if (source->connected_since || !source->lost) {
        log_event(LOG_ERROR, "database lost", LOG_S("reason", reason));
        source->lost = since;
        source->sent_away = false;
    }
    source->connected_since = 0;
    porter_lost(source->relay->porter);
}

static void regained(struct source *source)
{
    if (source->connected_since)
        return;
    log_event(LOG_INFO, "database connected", LOG_N("away_ms", relay_now(source->relay) - source->lost));
    source->connected_since = clock_now();
    source->sent_away = false;
    source->retry_ms = RETRY_FIRST_MS;
    longpoll_ring_all(source->relay); /* a bell may have been missed */
    presence_renewed(source->relay->presence);
    porter_gained(source->relay->porter);
}

/* --- reading --- */

void source_ring(struct source *source, int64_t id)
{
    struct hub_room *room = hub_room_by_id(source->relay->hub, id);
    if (room)
        rung_add(&source->rung, room);
}

void source_ring_all(struct source *source)
{
    source->sweep_due = true;
}

void source_settle(struct source *source, struct hub_room *room)
{
    if (room->fresh)
        rung_add(&source->rung, room);
    room->fresh = false;
}

/* Is there news of one room alone? Then each member can be sent it at once. */
static bool one_room(const struct read_job *read)
{
    size_t rooms = 0;
    for (size_t i = 0; i < read->count; i++)
        rooms += read->rooms[i].told_count > 0;
    return rooms == 1;
}

static void read_done(struct job *job)
{
    struct read_job *read = (struct read_job *)job;
    struct source *source = read->source;
    source->reading = false;
    ending_apply(source->relay, &read->ends);          /* that is true, whatever became of the rest */
    if (read->outcome != DONE || !source->listening) { /* nothing was told: the next sweep finds it again */
        lost(source, "read failed", source->reading_since);
        return;
    }
    if (read->sweep && read->listens == source->listens)
        regained(source);
    if (!source->connected_since)
        return;
    source->relay->straight = one_room(read);
    for (size_t i = 0; i < read->count; i++) {
        struct hub_room *room = rung_room(source->relay->hub, read->rooms[i].ring);
        if (room)
            telling_room(source->relay, room, &read->rooms[i]);
    }
    source->relay->straight = false;
}

static void add_room(struct hub_room *room, void *context)
{
    struct read_job *read = context;
    struct arena *arena = read->job.arena;
    room->rung = false;
    read->rooms[read->count++] = (struct read_room){ .ring = { room->id, room->serial },
                                                     .topic = text_copy(arena, hub_topic(room)),
                                                     .epoch = arena_copy(arena, room->epoch, strlen(room->epoch)),
                                                     .rev = room->rev };
}

/* All but those that wait within a burst, whose members would be told too much at once. */
static void add_all(const struct hub *hub, struct read_job *read)
{
    for (struct hub_room *room = hub_rooms(hub); room; room = room->next)
        if (room->id && !room->burst.waiting)
            add_room(room, read);
}

static void submit(struct source *source, bool all)
{
    struct relay *relay = source->relay;
    struct read_job *read = job_new(sizeof *read, reading_work, read_done);
    size_t most = all ? hub_room_count(relay->hub) : source->rung.count;
    read->source = source;
    read->listens = source->listens;
    read->sweep = all;
    read->ends_due = all || source->ends_due;
    ending_ask(relay->ends, &read->ends);
    read->rooms = arena_array(read->job.arena, most, sizeof *read->rooms);
    if (all)
        add_all(relay->hub, read);
    rung_take(&source->rung, uv_hrtime(), add_room, read);
    source->ends_due = false;
    source->sweep_due = source->sweep_due && !all;
    source->reading = true;
    source->reading_since = relay_now(relay);
    pool_submit(source->pool, &read->job);
}

static void rested(uv_timer_t *timer)
{
    (void)timer; /* the end of the turn looks at the rooms */
}

static void read_rung(struct source *source)
{
    uint64_t rest = source->ends_due ? 0 : rung_rest(&source->rung, uv_hrtime());
    if (!rest) {
        submit(source, false);
        return;
    }
    uv_update_time(source->relay->loop); /* the turn may have been long */
    uv_timer_start(&source->rest, rested, (rest + RESTING_LEAST_NS / 2) / RESTING_LEAST_NS, 0);
}

void source_turn(struct source *source)
{
    if (!source->listening || source->reading)
        return;
    if (source->sweep_due)
        submit(source, true);
    else if ((source->rung.count || source->ends_due) && source->connected_since)
        read_rung(source);
}

/* --- listening --- */

static void dial(uv_timer_t *timer);

static void unwatch(struct source *source)
{
    if (source->poll)
        handles_close(source->poll, (void *[]){ source->poll }, 1);
    source->poll = NULL;
}

/* Give up this connection and dial again, a little later each time. */
static void hang_up(struct source *source, const char *reason, int64_t since)
{
    unwatch(source);
    listener_free(&source->listener);
    source->listening = false;
    source->silent = 0;
    lost(source, reason, since);
    uv_timer_start(&source->retry, dial, (uint64_t)source->retry_ms, 0);
    source->retry_ms = source->retry_ms * 2 < RETRY_MOST_MS ? source->retry_ms * 2 : RETRY_MOST_MS;
}

static void hear(struct source *source)
{
    struct heard heard;
    while (listener_next(source->listener, &heard)) {
        struct text channel = heard.channel, payload = heard.payload;
        if (text_is(channel, "confab_presence"))
            presence_rang(source->relay->presence, payload);
        if (text_is(channel, "confab_typing") && source->connected_since)
            crowd_typing(presence_crowds(source->relay->presence), payload);
        if (text_is(channel, "confab_session"))
            source->ends_due = true;
        if (text_is(channel, "confab_mailbox"))
            longpoll_ring(source->relay->longpolls, payload);
        if (text_is(channel, "confab_room"))
            porter_heard(source->relay->porter, &heard);
    }
}

static void step(struct source *source);

static void ready(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events; /* an error shows when libpq reads */
    step(poll->data);
}

static void watch(struct source *source)
{
    struct listener_wants wants = listener_wants(source->listener);
    if (source->poll && memcmp(&wants, &source->wants, sizeof wants) == 0 && uv_is_active((uv_handle_t *)source->poll))
        return;
    unwatch(source);
    source->wants = wants;
    source->poll = malloc(sizeof *source->poll);
    must(source->poll != NULL && wants.fd >= 0);
    must(uv_poll_init(source->relay->loop, source->poll, wants.fd) == 0);
    source->poll->data = source;
    uv_poll_start(source->poll, (wants.readable ? UV_READABLE : 0) | (wants.writable ? UV_WRITABLE : 0), ready);
}

/* No connection is good any more, and no worker needs to wait for an answer. */
static void renew(struct source *source)
{
    pool_renew(source->pool);
    pool_renew(source->relay->pool);
    source->renewed = true;
}

static void step(struct source *source)
{
    bool was_listening = source->listening;
    enum listener_state state = listener_step(source->listener);
    if (state == LISTENER_BROKEN) {
        hang_up(source, "listener broken", relay_now(source->relay));
        return;
    }
    source->listening = state == LISTENER_LISTENING;
    if (source->listening && !was_listening) {
        source->listens++;
        source->sweep_due = true;
        if (source->renewed) /* what was dialled in between may hang in the void as well */
            renew(source);
        source->renewed = false;
    }
    if (source->listening && !listener_pinging(source->listener))
        source->silent = 0;
    if (source->listening)
        hear(source);
    watch(source);
}

static void dial(uv_timer_t *timer)
{
    struct source *source = timer->data;
    source->dialled = relay_now(source->relay);
    source->listener = listener_new(source->relay->config->database_listen_url, "confab-relay listen");
    if (listener_wants(source->listener).fd < 0)
        step(source); /* it could not even begin, and says so */
    else
        watch(source);
}

/* --- time --- */

static void send_away(struct source *source)
{
    source->sent_away = true;
    log_event(LOG_WARN, "peers sent away", LOG_N("peers", source->relay->peer_count));
    const struct roster *roster = source->relay->roster;
    for (int fd = -1; (fd = roster_next(roster, fd)) >= 0;)
        if (peer_established(roster_peer(roster, fd)))
            peer_cut(roster_peer(roster, fd), 1013, "database away");
}

/* Stopped for a while (SIGSTOP, a machine that was asleep): answers may be waiting unread. */
static bool was_stopped(struct source *source)
{
    int64_t before = source->beaten;
    source->beaten = relay_now(source->relay);
    return source->beaten - before > 2 * BEAT_MS;
}

static void ping(struct source *source)
{
    if (listener_pinging(source->listener)) {
        if (++source->silent < SILENT_BEATS)
            return;
        renew(source);
        hang_up(source, "no sign of life", source->pinged);
    } else if (source->beats % PING_BEATS == 0) {
        source->pinged = relay_now(source->relay);
        listener_ping(source->listener);
        watch(source);
    }
}

static void beat(uv_timer_t *timer)
{
    struct source *source = timer->data;
    source->beats++;
    if (was_stopped(source))
        return;
    if (source->listening)
        ping(source);
    if (source->listening && !source->connected_since)
        source->sweep_due = true; /* a read that failed is tried again soon */
}

/* What was noted since then stays as it is. */
static void put_off(const struct source *source, int64_t *then, int64_t ms)
{
    if (relay_now(source->relay) - *then >= ms)
        *then += ms;
}

void source_excuse(struct source *source, int64_t ms)
{
    put_off(source, &source->dialled, ms);
    put_off(source, &source->reading_since, ms);
    put_off(source, &source->lost, ms);
}

void source_tick(struct source *source)
{
    int64_t now = relay_now(source->relay);
    if (source->listener && !source->listening && now - source->dialled >= CONNECT_MS)
        hang_up(source, "connecting takes too long", source->dialled);
    if (source->reading && now - source->reading_since >= READ_MS && source->connected_since) {
        pool_renew(source->pool);
        lost(source, "reading takes too long", source->reading_since);
    }
    if (!source->connected_since && now - source->lost >= AWAY_MS && !source->sent_away)
        send_away(source);
    source->sweep_due = source->listening;
}

/* --- beginning and end --- */

static uint64_t left(void *relay, struct hub_room *room, uint64_t now)
{
    return telling_left(relay, room, now);
}

struct source *source_new(struct relay *relay)
{
    struct source *source = calloc(1, sizeof *source);
    must(source != NULL);
    source->relay = relay;
    source->pool = pool_new(relay->loop, 1, relay->config, relay->view);
    source->retry_ms = RETRY_FIRST_MS;
    source->lost = relay_now(relay);
    uv_timer_init(relay->loop, &source->retry);
    source->retry.data = source;
    uv_timer_start(&source->retry, dial, 0, 0);
    source->beaten = relay_now(relay);
    uv_timer_init(relay->loop, &source->beat);
    source->beat.data = source;
    uv_timer_start(&source->beat, beat, BEAT_MS, BEAT_MS);
    uv_timer_init(relay->loop, &source->rest);
    source->rest.data = source;
    source->rung = (struct rung){ .hub = relay->hub, .left = left, .context = relay };
    return source;
}

void source_free(struct source **gone)
{
    struct source *source = *gone;
    if (!source)
        return;
    pool_free(&source->pool);
    unwatch(source);
    listener_free(&source->listener);
    rung_free(&source->rung);
    handles_close(source, (void *[]){ &source->retry, &source->beat, &source->rest }, 3);
    *gone = NULL;
}
