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
#include "relay/broadcast.h"
#include "relay/held.h"
#include "relay/hub.h"
#include "relay/longpoll_answer.h"
#include "relay/longpoll_job.h"
#include "relay/peer.h"
#include "relay/phoenix.h"
#include "relay/pool.h"
#include "relay/relay.h"
#include "relay/sessions.h"
#include "relay/source.h"
#include "relay/upgrade.h"

enum { BUCKETS = 4096 };

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
    bool rung;         /* it must drain again */
    bool evicted;      /* it is not a member of all its rooms */
    const char *ended; /* why its session has ended, or NULL */
    bool from_ours;
};

struct longpolls {
    struct longpoll *by_sid[BUCKETS];
    struct longpoll *woken;
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

/* --- out and back --- */

static void get_done(struct job *);

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

/* Drain with the cursor of the token. */
static void drain_again(struct peer *peer)
{
    struct get_job *get = get_job_again(peer, text_of(poll_of(peer)->token), get_done);
    if (get)
        submit(get);
    else
        answer_status(peer, 500, "token too old");
}

/* From here on messages come without a query. False: its rooms are of another database than those of others. */
static bool settle(struct peer *peer, const struct cursor *cursor)
{
    struct relay *relay = peer->relay;
    for (struct hub_member *member = peer->members; member; member = member->next_of_peer) {
        const struct cursor_topic *topic = cursor_find(cursor, hub_topic(member->room));
        if (!topic)
            return false;
        if (!member_pending(member))
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
    else if (poll->evicted || !settle(peer, &get->asker.cursor))
        answer_status(peer, 500, "rooms have changed");
    peer_update(peer);
}

static void answer_ended(struct peer *peer, struct poll *poll, const char *reason)
{
    if (!poll->cursor.count) {
        answer_status(peer, 403, reason);
        return;
    }
    poll_asker_tell(&(struct poll_asker){ .reason = reason }, poll);
    answer_poll(peer, 200, poll);
}

static void finish(struct peer *peer, struct get_job *get)
{
    const struct live_session *session = peer->session;
    if (poll_of(peer)->ended)
        answer_ended(peer, poll_new(get->job.arena, &get->read.cursor), poll_of(peer)->ended);
    else if (session && session->state != SESSION_LIVE)
        answer_status(peer, 503, "sessions unknown");
    else if (get->answer.status)
        answer(peer, &get->answer);
    else
        hold(peer, get);
}

static void get_done(struct job *job)
{
    struct get_job *get = (struct get_job *)job;
    struct peer *peer = get->peer;
    peer->busy--;
    if (peer->state == PEER_JUDGED || peer->state == PEER_HELD) {
        if (peer->session && get->asker.session.state == SESSION_USER)
            sessions_verified(peer->session, get->asker.session.expires_at, relay_now(peer->relay));
        if (get->answer.status == 410)
            log_event(LOG_INFO, "live connect", LOG_N("peer", peer->id), LOG_S("address", peer->address),
                      LOG_S("by", "poll"));
        finish(peer, get);
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

/* While a worker is asked, its answer waits for that. */
static void session_ended(struct peer *peer, const char *reason)
{
    struct arena *arena;
    poll_of(peer)->ended = reason;
    if (peer->state != PEER_HELD || peer->busy)
        return;
    arena = arena_new();
    struct poll *poll = poll_again(peer, arena);
    if (poll)
        answer_ended(peer, poll, reason);
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
    poll->from_ours = upgrade->poll.from_ours;
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
    struct get_job *get = get_job_new(peer, upgrade, get_done);
    poll_begin(peer, upgrade);
    if (get->read.verdict != POLL_WELCOME) {
        answer_status(peer, get->read.verdict == POLL_LOST ? 500 : 403, get->read.reason);
    } else if (!peer_count(peer, (size_t)relay->config->relay_max_per_address)) {
        answer_status(peer, 500, "too many of this address");
    } else {
        get_job_register(peer, &get->read);
        if (get->read.begun)
            enter(peer, &get->read.cursor);
        peer->state = PEER_JUDGED;
        peer_update(peer);
        submit(get);
        return;
    }
    job_drop(&get->job);
}
