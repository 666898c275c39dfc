/* GETs. POSTs are in longpoll_post.c. */
#include "relay/longpoll.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/must.h"
#include "live/cursor.h"
#include "live/mailbox.h"
#include "live/poll.h"
#include "relay/addresses.h"
#include "relay/asker.h"
#include "relay/broadcast.h"
#include "relay/held.h"
#include "relay/hub.h"
#include "relay/longpoll_answer.h"
#include "relay/peer.h"
#include "relay/phoenix.h"
#include "relay/pool.h"
#include "relay/relay.h"
#include "relay/sessions.h"
#include "relay/source.h"
#include "relay/upgrade.h"

enum { BUCKETS = 4096, DRAINS_MOST = 4 };

/* A GET that is judged or held. */
struct longpoll {
    struct held held;
    struct peer *peer;
    struct longpoll *next, *prev; /* of the same bucket */
    struct longpoll *next_woken, *prev_woken;
    char *token;             /* the cursor, as the last drain left it; NULL before that */
    struct broadcast **came; /* in this turn */
    uint32_t came_count, came_bytes;
    uint32_t since; /* milliseconds, as the peer's */
    char sid[CURSOR_SID_LEN + 1];
    bool registered, woken;
    bool rung;    /* it must drain again */
    bool evicted; /* it is not a member of all its rooms */
    bool from_ours;
};

struct longpolls {
    struct longpoll *by_sid[BUCKETS];
    struct longpoll *woken;
    bool sweeping;
    int64_t swept; /* relay_now */
};

/* What a worker does for a GET. */
struct get_job {
    struct job job;
    struct peer *peer; /* busy, so it is there */
    struct asker asker;
    struct cursor cursor;
    bool begins; /* there is no cursor yet */
    struct longpoll_answer answer;
    struct text token; /* when there is nothing to say: what it is held with */
};

static struct longpoll *poll_of(const struct peer *peer)
{
    return (struct longpoll *)peer->held;
}

/* --- the table --- */

struct longpolls *longpolls_new(void)
{
    struct longpolls *polls = calloc(1, sizeof *polls);
    must(polls != NULL);
    return polls;
}

void longpolls_free(struct longpolls **polls)
{
    if (!*polls)
        return;
    must((*polls)->woken == NULL);
    for (size_t i = 0; i < BUCKETS; i++)
        must((*polls)->by_sid[i] == NULL);
    free(*polls);
    *polls = NULL;
}

/* A sid is drawn by us, at random, and signed. */
static struct longpoll **bucket_of(struct longpolls *polls, const char *sid)
{
    uint64_t bytes;
    memcpy(&bytes, sid, sizeof bytes);
    return &polls->by_sid[(bytes * 11400714819323198485u >> 40) % BUCKETS];
}

static void enlist(struct longpoll *poll, const char *sid)
{
    struct longpoll **bucket = bucket_of(poll->peer->relay->longpolls, sid);
    memcpy(poll->sid, sid, sizeof poll->sid);
    poll->registered = true;
    poll->next = *bucket;
    if (poll->next)
        poll->next->prev = poll;
    *bucket = poll;
}

static void wake(struct longpoll *poll)
{
    struct longpolls *polls = poll->peer->relay->longpolls;
    if (poll->woken)
        return;
    poll->woken = true;
    poll->next_woken = polls->woken;
    if (poll->next_woken)
        poll->next_woken->prev_woken = poll;
    poll->prev_woken = NULL;
    polls->woken = poll;
}

static void let_sleep(struct longpoll *poll)
{
    if (!poll->woken)
        return;
    if (poll->next_woken)
        poll->next_woken->prev_woken = poll->prev_woken;
    *(poll->prev_woken ? &poll->prev_woken->next_woken : &poll->peer->relay->longpolls->woken) = poll->next_woken;
    poll->woken = false;
}

static void drop_came(struct longpoll *poll)
{
    for (uint32_t i = 0; i < poll->came_count; i++)
        broadcast_release(&poll->came[i]);
    free(poll->came);
    poll->came = NULL;
    poll->came_count = poll->came_bytes = 0;
}

static void forget(struct peer *peer)
{
    struct longpoll *poll = poll_of(peer);
    let_sleep(poll);
    if (poll->registered) {
        if (poll->next)
            poll->next->prev = poll->prev;
        *(poll->prev ? &poll->prev->next : bucket_of(peer->relay->longpolls, poll->sid)) = poll->next;
    }
    drop_came(poll);
    free(poll->token);
    free(poll);
}

/* --- on a worker --- */

static void say(struct get_job *get, int status, const char *reason)
{
    get->answer.status = status;
    get->answer.reason = reason;
}

static void say_json(struct get_job *get, int status, struct text token, const struct poll *poll)
{
    struct buffer json = buffer_new(POLL_ANSWER_MAX);
    poll_answer(&json, status, token, poll);
    if (json.full) {
        say(get, 500, "answer too long");
    } else {
        say(get, status, "poll");
        get->answer.json = text_copy(get->job.arena, buffer_view(&json));
    }
    buffer_free(&json);
}

static void begin(struct get_job *get, const struct scope *scope)
{
    if (poll_open(scope, &get->cursor) != DONE) {
        say(get, 503, "database away");
        return;
    }
    cursor_own(&get->cursor, scope, get->asker.session.from_cookie);
    say_json(get, 410, cursor_token(scope->config, scope->arena, &get->cursor, scope->now / 1000000), NULL);
}

/* Until there is something to say, or nothing is left. */
static enum outcome drain(const struct scope *scope, const struct view *view, struct poll *poll)
{
    enum outcome outcome = poll_drain(scope, view, poll);
    for (int i = 1; outcome == DONE && !poll->count && poll->more && i < DRAINS_MOST; i++)
        outcome = poll_drain(scope, view, poll);
    return outcome;
}

static void go_on(struct get_job *get, const struct scope *scope, const struct view *view)
{
    struct poll *poll = poll_new(get->job.arena, &get->cursor);
    enum outcome outcome = drain(scope, view, poll);
    if (outcome == DONE && poll->count)
        outcome = asker_still(&get->asker, scope);
    if (outcome != DONE) {
        say(get, outcome == DENIED ? 403 : 503, outcome == DENIED ? "session ended" : "database away");
        return;
    }
    get->cursor = poll->cursor;
    struct text token = cursor_token(scope->config, scope->arena, &get->cursor, scope->now / 1000000);
    if (poll->count)
        say_json(get, 200, token, poll);
    else
        get->token = token;
}

static void get_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct get_job *get = (struct get_job *)job;
    enum outcome outcome = asker_check(&get->asker, scope);
    if (outcome != DONE)
        say(get, outcome == DENIED ? 403 : 503, outcome == DENIED ? get->asker.reason : "database away");
    else if (get->begins)
        begin(get, scope);
    else
        go_on(get, scope, view);
}

/* --- out and back --- */

static void get_done(struct job *);

static struct get_job *get_new(struct peer *peer)
{
    struct get_job *get = job_new(sizeof *get, get_work, get_done);
    get->peer = peer;
    return get;
}

static void submit(struct get_job *get)
{
    poll_of(get->peer)->rung = false;
    get->peer->busy++;
    pool_submit(get->peer->relay->pool, &get->job);
}

static void answer(struct peer *peer, const struct longpoll_answer *said)
{
    longpoll_answer(peer, said, poll_of(peer)->from_ours);
}

static void answer_status(struct peer *peer, int status, const char *reason)
{
    answer(peer, &(struct longpoll_answer){ .status = status, .reason = reason });
}

/* Drain with the cursor of the token. */
static void drain_again(struct peer *peer)
{
    struct get_job *get = get_new(peer);
    if (!cursor_read(peer->relay->config, get->job.arena, text_of(poll_of(peer)->token), clock_now() / 1000000,
                     &get->cursor)) {
        job_drop(&get->job);
        answer_status(peer, 500, "token too old");
        return;
    }
    asker_again(peer, &get->asker);
    submit(get);
}

/* From here on messages come without a query. False: its rooms are of another database than those of others. */
static bool settle(struct peer *peer, const struct cursor *cursor)
{
    struct relay *relay = peer->relay;
    for (struct hub_member *member = peer->members; member; member = member->next_of_peer) {
        const struct cursor_topic *topic = cursor_find(cursor, hub_topic(member->room));
        if (!topic)
            return false;
        if (!member->pending)
            continue;
        if (!hub_accept(relay->hub, member, topic->room_id, topic->rev, text_of(cursor->epoch)))
            return false;
        source_settle(relay->source, member->room);
    }
    return true;
}

static void hold(struct peer *peer, const struct get_job *get)
{
    struct longpoll *poll = poll_of(peer);
    free(poll->token);
    poll->token = strndup(get->token.at, get->token.len);
    must(poll->token != NULL);
    peer->state = PEER_HELD;
    if (poll->rung)
        drain_again(peer);
    else if (poll->evicted || !settle(peer, &get->cursor))
        answer_status(peer, 500, "rooms have changed");
    peer_update(peer);
}

/* What can have changed meanwhile. */
static void last_look(struct peer *peer, struct longpoll_answer *said)
{
    const struct live_session *session = peer->session;
    if (session && session->state != SESSION_LIVE)
        *said = session->state == SESSION_ENDED
                    ? (struct longpoll_answer){ .status = 403, .reason = "session ended" }
                    : (struct longpoll_answer){ .status = 503, .reason = "sessions unknown" };
}

static void get_done(struct job *job)
{
    struct get_job *get = (struct get_job *)job;
    struct peer *peer = get->peer;
    peer->busy--;
    if (peer->state == PEER_JUDGED || peer->state == PEER_HELD) {
        if (peer->session && get->asker.session.state == SESSION_USER)
            sessions_verified(peer->session, get->asker.session.expires_at, relay_now(peer->relay));
        last_look(peer, &get->answer);
        if (get->answer.status == 410)
            log_event(LOG_INFO, "live connect", LOG_N("peer", peer->id), LOG_S("address", peer->address),
                      LOG_S("by", "poll"));
        if (get->answer.status)
            answer(peer, &get->answer);
        else
            hold(peer, get);
    }
    phoenix_settled(peer);
}

/* --- what a held one waits for --- */

/* A message, within a broadcast. */
static void tell(struct peer *peer, struct broadcast *broadcast)
{
    struct longpoll *poll = poll_of(peer);
    size_t most = (size_t)peer->relay->config->relay_peer_queue;
    if (peer->busy) {
        poll->rung = true;
        return;
    }
    wake(poll);
    if (poll->came_count && poll->came_bytes + broadcast->len > most)
        poll->rung = true; /* that much is better read as it is told in answers */
    if (poll->rung)
        return;
    poll->came = reallocarray(poll->came, poll->came_count + 1, sizeof(struct broadcast *));
    must(poll->came != NULL);
    poll->came[poll->came_count++] = broadcast_share(broadcast);
    poll->came_bytes += (uint32_t)broadcast->len;
}

static void overflow(struct peer *peer)
{
    poll_of(peer)->rung = true;
}

/* The drain sees it too, and says so. */
static void evicted(struct peer *peer, bool gone)
{
    struct longpoll *poll = poll_of(peer);
    (void)gone;
    poll->evicted = poll->rung = true;
    if (peer->state == PEER_HELD && !peer->busy)
        wake(poll);
}

static void ring(struct longpoll *poll)
{
    poll->rung = true;
    if (poll->peer->state == PEER_HELD && !poll->peer->busy)
        wake(poll);
}

void longpoll_ring(struct longpolls *polls, struct text sid)
{
    if (sid.len != CURSOR_SID_LEN)
        return;
    for (struct longpoll *poll = *bucket_of(polls, sid.at); poll; poll = poll->next)
        if (text_is(sid, poll->sid))
            ring(poll);
}

void longpoll_ring_all(struct relay *relay)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct longpoll *poll = relay->longpolls->by_sid[i]; poll; poll = poll->next)
            ring(poll);
}

/* The cursor of a held one, as a poll to answer with. NULL: it was answered with an error. */
static struct poll *poll_again(struct peer *peer, struct arena *arena)
{
    struct cursor cursor;
    if (cursor_read(peer->relay->config, arena, text_of(poll_of(peer)->token), clock_now() / 1000000, &cursor))
        return poll_new(arena, &cursor);
    answer_status(peer, 500, "token too old");
    return NULL;
}

static void answer_poll(struct peer *peer, int status, struct poll *poll)
{
    const struct config *config = peer->relay->config;
    struct buffer json = buffer_new(POLL_ANSWER_MAX);
    poll_answer(&json, status, cursor_token(config, poll->arena, &poll->cursor, clock_now() / 1000000), poll);
    if (json.full)
        answer_status(peer, 500, "answer too long");
    else
        answer(peer, &(struct longpoll_answer){ .status = status, .json = buffer_view(&json), .reason = "poll" });
    buffer_free(&json);
}

static bool add_came(struct longpoll *held, struct poll *poll)
{
    for (uint32_t i = 0; i < held->came_count; i++) {
        struct text frame;
        for (size_t at = 0; broadcast_next(held->came[i], &at, &frame);)
            if (!poll_add(poll, frame))
                return false;
    }
    for (const struct hub_member *member = held->peer->members; member; member = member->next_of_peer) {
        struct cursor_topic *topic = cursor_find(&poll->cursor, hub_topic(member->room));
        if (topic && topic->rev < member->rev)
            topic->rev = member->rev;
    }
    return true;
}

static void answer_came(struct peer *peer)
{
    struct arena *arena = arena_new();
    struct poll *poll = poll_again(peer, arena);
    if (poll && add_came(poll_of(peer), poll))
        answer_poll(peer, 200, poll);
    else if (poll)
        answer_status(peer, 500, "answer too long");
    arena_free(&arena);
}

void longpoll_turn(struct relay *relay)
{
    struct longpolls *polls = relay->longpolls;
    while (polls->woken) {
        struct longpoll *poll = polls->woken;
        let_sleep(poll);
        if (poll->peer->state != PEER_HELD || poll->peer->busy)
            continue;
        if (poll->came_count && !poll->rung)
            answer_came(poll->peer);
        else
            drain_again(poll->peer);
        drop_came(poll);
    }
}

static void session_ended(struct peer *peer, const char *reason)
{
    struct arena *arena = arena_new();
    struct poll *poll = peer->state == PEER_HELD ? poll_again(peer, arena) : NULL;
    json_t *payload = json_pack("{s:s}", "reason", reason);
    if (poll) {
        poll_tell(poll, "session_ended", payload);
        answer_poll(peer, 200, poll);
    }
    json_decref(payload);
    arena_free(&arena);
}

static void end(struct peer *peer, int code, const char *reason)
{
    answer_status(peer, code == 1012 || code == 1013 ? 503 : 500, reason);
}

static void tick(struct peer *peer)
{
    struct longpoll *poll = poll_of(peer);
    struct arena *arena;
    if (peer->busy || poll->woken ||
        (uint32_t)relay_now(peer->relay) - poll->since < (uint32_t)peer->relay->config->relay_poll_window_ms)
        return;
    arena = arena_new();
    struct poll *nothing = poll_again(peer, arena);
    if (nothing)
        answer_poll(peer, 204, nothing);
    arena_free(&arena);
}

/* --- the beginning --- */

static const struct held_kind kind = {
    .tell = tell,
    .overflow = overflow,
    .evicted = evicted,
    .session_ended = session_ended,
    .end = end,
    .tick = tick,
    .forget = forget,
};

static void poll_begin(struct peer *peer, const struct upgrade *upgrade)
{
    struct longpoll *poll = calloc(1, sizeof *poll);
    must(poll != NULL);
    poll->held.kind = &kind;
    poll->peer = peer;
    poll->since = (uint32_t)relay_now(peer->relay);
    poll->from_ours = upgrade->from_ours;
    peer->held = &poll->held;
}

static void enter(struct peer *peer, const struct cursor *cursor)
{
    json_t *none = json_null();
    enlist(poll_of(peer), cursor->sid);
    for (size_t i = 0; i < cursor->count; i++)
        hub_join(peer->relay->hub, cursor->topics[i].topic, peer, none, &peer->members);
}

void longpoll_get(struct peer *peer, const struct upgrade *upgrade)
{
    struct relay *relay = peer->relay;
    struct get_job *get = get_new(peer);
    const char *refused = NULL;
    int status = 500;
    poll_begin(peer, upgrade);
    get->begins = !upgrade->poll.len;
    if (!get->begins && !cursor_read(relay->config, get->job.arena, upgrade->poll, clock_now() / 1000000, &get->cursor))
        refused = "token";
    else if (!addresses_take(relay->addresses, text_of(peer->address), (size_t)relay->config->relay_max_per_address,
                             &peer->counted))
        refused = "too many of this address";
    else if (!asker_read(peer, get->job.arena, upgrade, get->begins ? NULL : &get->cursor, &get->asker))
        refused = get->asker.reason, status = 403;
    if (refused) {
        answer_status(peer, status, refused);
        job_drop(&get->job);
        return;
    }
    if (!get->begins)
        enter(peer, &get->cursor);
    peer->state = PEER_JUDGED;
    peer_update(peer);
    submit(get);
}

/* --- time --- */

enum { SWEEP_MS = 60 * 1000 };

struct sweep_job {
    struct job job;
    struct relay *relay;
};

static void sweep_work(struct job *job, struct scope *scope, const struct view *view)
{
    (void)view;
    if (mailbox_sweep(scope->db, job->arena) != DONE)
        log_event(LOG_WARN, "mailboxes not swept", LOG_N("minutes", 1));
}

static void sweep_done(struct job *job)
{
    ((struct sweep_job *)job)->relay->longpolls->sweeping = false;
}

void longpoll_sweep(struct relay *relay)
{
    struct longpolls *polls = relay->longpolls;
    int64_t now = relay_now(relay);
    if (polls->sweeping || now - polls->swept < SWEEP_MS || !source_connected_since(relay->source))
        return;
    struct sweep_job *sweep = job_new(sizeof *sweep, sweep_work, sweep_done);
    sweep->relay = relay;
    polls->sweeping = true;
    polls->swept = now;
    pool_submit(relay->pool, &sweep->job);
}
