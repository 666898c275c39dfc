#include "relay/stream.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "base/must.h"
#include "live/channel.h"
#include "relay/addresses.h"
#include "relay/broadcast.h"
#include "relay/held.h"
#include "relay/hub.h"
#include "relay/peer.h"
#include "relay/presence.h"
#include "relay/phoenix.h"
#include "relay/relay.h"
#include "relay/sessions.h"
#include "relay/source.h"
#include "relay/stream_job.h"
#include "relay/upgrade.h"

/* Milliseconds. */
enum { BEAT_MS = 10 * 1000, OLD_MS = 30 * 60 * 1000, ANSWER_MAX = 1024, AGAIN_SECONDS = 3 };

struct stream {
    struct held held;
    int64_t rev;   /* queued up to here */
    int64_t sent;  /* sent up to here at least; -1: nothing is known to be */
    uint32_t beat; /* milliseconds, as the peer's */
    bool overflow; /* more than may be held came before its beginning */
    const char *ended;
    char *path; /* of the stream, without a query */
    char *room; /* of the room's page */
};

static struct stream *stream_of(const struct peer *peer)
{
    return (struct stream *)peer->held;
}

static uint32_t now_of(const struct peer *peer)
{
    return (uint32_t)relay_now(peer->relay);
}

static void forget(struct peer *peer)
{
    struct stream *stream = stream_of(peer);
    free(stream->path);
    free(stream->room);
    free(stream);
}

/* --- ending --- */

static void finish(struct peer *peer, struct broadcast *last, int code, const char *reason)
{
    peer_finish(peer, last, code, reason);
    broadcast_release(&last);
}

/* Ask for the rest anew. Those who do it together should not do it at once. */
static void end_again(struct peer *peer, int64_t after, int code, const char *reason)
{
    struct arena *arena = arena_new();
    const char *url = after < 0 ? stream_of(peer)->path
                                : arena_printf(arena, "%s?after=%lld", stream_of(peer)->path, (long long)after);
    int seconds = 1 + (int)randombytes_uniform(AGAIN_SECONDS);
    finish(peer, stream_end(peer->relay, url, seconds, NULL, ""), code, reason);
    arena_free(&arena);
}

/* The reader is slow: what it has not been sent is dropped, and asked for anew. */
static void end_slow(struct peer *peer, const char *reason)
{
    int64_t half = peer_take_back(peer), sent = stream_of(peer)->sent;
    end_again(peer, half ? half : sent, 1008, reason);
}

static void end(struct peer *peer, int code, const char *reason)
{
    end_again(peer, stream_of(peer)->rev, code, reason);
}

static void session_ended(struct peer *peer, const char *reason)
{
    struct stream *stream = stream_of(peer);
    const struct config *config = peer->relay->config;
    stream->ended = reason;
    if (peer->state != PEER_HELD)
        return;
    struct arena *arena = arena_new();
    const char *login = arena_printf(arena, "%.*slogin?return_to=%s", TEXT_ARGS(config->base), stream->room);
    (void)peer_take_back(peer);
    finish(peer, stream_end(peer->relay, NULL, 0, reason, login), 1001, "session ended");
    arena_free(&arena);
}

static void evicted(struct peer *peer, bool gone)
{
    if (peer->state != PEER_HELD)
        return;
    if (gone)
        finish(peer, stream_end(peer->relay, NULL, 0, NULL, ""), 1001, "room gone");
    else
        end_again(peer, -1, 1012, "another database");
}

/* --- lines --- */

/* Made once for all streams of the room. */
static struct broadcast *lines_of(struct relay *relay, struct broadcast *broadcast)
{
    if (relay->lines_from != broadcast) {
        stream_turn(relay);
        relay->lines_from = broadcast_share(broadcast);
        relay->lines = stream_lines(broadcast);
    }
    return relay->lines;
}

void stream_turn(struct relay *relay)
{
    broadcast_release(&relay->lines_from);
    broadcast_release(&relay->lines);
}

static void tell(struct peer *peer, struct broadcast *broadcast)
{
    struct broadcast *lines = lines_of(peer->relay, broadcast);
    if (!lines->len || peer_add(peer, lines))
        stream_of(peer)->rev = broadcast->rev;
    else
        end_slow(peer, "queue full");
}

static void overflow(struct peer *peer)
{
    stream_of(peer)->overflow = true;
}

static void taken(struct peer *peer)
{
    stream_of(peer)->sent = stream_of(peer)->rev;
}

static void tick(struct peer *peer)
{
    struct stream *stream = stream_of(peer);
    if (peer_stalled(peer) >= PEER_STALL_MS) {
        end_slow(peer, "reads too slowly");
    } else if (now_of(peer) - peer->since >= OLD_MS) {
        end(peer, 1012, "old");
    } else if (now_of(peer) - stream->beat >= BEAT_MS && !peer->out.count) {
        struct broadcast *beat = stream_beat(peer->relay);
        stream->beat = now_of(peer);
        peer_send(peer, beat);
        broadcast_release(&beat);
    }
}

/* --- the beginning --- */

static void refuse(struct peer *peer, int status, const char *reason)
{
    struct buffer answer = buffer_new(ANSWER_MAX);
    log_event(LOG_INFO, "live refused", LOG_N("peer", peer->id), LOG_S("address", peer->address),
              LOG_N("status", status), LOG_S("reason", reason));
    upgrade_refuse(&answer, status, NULL, false);
    peer_answer(peer, buffer_view(&answer), status, reason);
    buffer_free(&answer);
}

/* It counts among those who are here, but is told of nobody. */
static void settled(struct peer *peer, const struct stream_job *job)
{
    struct channel_answer here = { .room_id = job->room_id, .user_id = job->user_id };
    source_settle(peer->relay->source, peer->members->room);
    presence_came(peer->relay->presence, peer->members, &here);
}

static void begin(struct peer *peer, const struct stream_job *job)
{
    struct relay *relay = peer->relay;
    struct stream *stream = stream_of(peer);
    struct broadcast *start = broadcast_raw(job->start);
    peer->state = PEER_HELD;
    peer->welcomed = true;
    stream->rev = job->rev;
    stream->beat = now_of(peer);
    peer_send(peer, start);
    broadcast_release(&start);
    log_event(LOG_INFO, "live connect", LOG_N("peer", peer->id), LOG_S("address", peer->address),
              LOG_S("by", "stream"));
    if (stream->ended)
        session_ended(peer, stream->ended);
    else if (job->more || stream->overflow || peer->leaving)
        end(peer, 1012, "more to come");
    else if (!hub_accept(relay->hub, peer->members, job->room_id, job->rev, job->epoch))
        end_again(peer, -1, 1012, "another database");
    else
        settled(peer, job);
    peer_update(peer);
}

static void stream_done(struct job *job)
{
    struct stream_job *stream = (struct stream_job *)job;
    struct peer *peer = stream->peer;
    struct sessions *sessions = peer->relay->sessions;
    peer->busy--;
    if (peer->session && stream->session.state == SESSION_USER)
        sessions_verified(peer->session, stream->session.expires_at, relay_now(peer->relay));
    else if (peer->session && stream->session.state == SESSION_BAD) /* dropped: it goes on as a guest */
        sessions_leave(sessions, &peer->session, peer);
    if (peer->state == PEER_JUDGED) {
        bool unsure = peer->session && peer->session->state == SESSION_UNSURE;
        if (stream->status != 200 || unsure)
            refuse(peer, unsure ? 503 : stream->status, unsure ? "sessions unknown" : "no stream");
        else
            begin(peer, stream);
    }
    phoenix_settled(peer);
}

static char *string_of(struct arena *arena, const struct config *config, struct text slug, const char *end)
{
    char *string = strdup(arena_printf(arena, "%.*srooms/%.*s%s", TEXT_ARGS(config->base), TEXT_ARGS(slug), end));
    must(string != NULL);
    return string;
}

static void answer_begin(struct peer *peer, const struct upgrade *upgrade)
{
    struct arena *arena = arena_new();
    const struct config *config = peer->relay->config;
    const char *url = arena_printf(arena, "%.*srooms/%.*s/stream", TEXT_ARGS(config->base), TEXT_ARGS(upgrade->slug));
    if (upgrade->after >= 0)
        url = arena_printf(arena, "%s?after=%lld", url, (long long)upgrade->after);
    finish(peer, stream_begin(peer->relay, url), 200, "begun");
    arena_free(&arena);
}

void stream_open(struct peer *peer, const struct upgrade *upgrade)
{
    static const struct held_kind kind = {
        .tell = tell,
        .overflow = overflow,
        .evicted = evicted,
        .session_ended = session_ended,
        .end = end,
        .taken = taken,
        .tick = tick,
        .forget = forget,
    };
    struct relay *relay = peer->relay;
    if (upgrade->begin) {
        answer_begin(peer, upgrade);
        return;
    }
    if (!peer_count(peer, (size_t)relay->config->relay_max_per_address)) {
        refuse(peer, 429, "too many of this address");
        return;
    }
    struct stream_job *job = stream_job_new(peer, upgrade, stream_done);
    struct arena *arena = job->job.arena;
    const struct session *session = &job->session;
    struct stream *stream = calloc(1, sizeof *stream);
    must(stream != NULL);
    *stream = (struct stream){ .held.kind = &kind, .rev = upgrade->after, .sent = -1 };
    stream->path = string_of(arena, relay->config, upgrade->slug, "/stream");
    stream->room = string_of(arena, relay->config, upgrade->slug, "");
    peer->held = &stream->held;
    if (session->state == SESSION_CLAIMED)
        peer->session = sessions_join(relay->sessions, session->hash, session->sub, session->context, peer);
    json_t *none = json_null();
    struct text topic = text_of(arena_printf(arena, "room:%.*s", TEXT_ARGS(upgrade->slug)));
    hub_join(relay->hub, topic, peer, none, &peer->members);
    peer->state = PEER_JUDGED;
    peer->busy++;
    peer_update(peer);
    pool_submit(relay->pool, &job->job);
}
