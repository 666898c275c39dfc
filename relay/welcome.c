#include "relay/welcome.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/must.h"
#include "relay/addresses.h"
#include "relay/head.h"
#include "relay/longpoll.h"
#include "relay/peer.h"
#include "relay/phoenix.h"
#include "relay/pool.h"
#include "relay/relay.h"
#include "relay/sessions.h"
#include "relay/source.h"
#include "relay/stream.h"
#include "relay/upgrade.h"
#include "web/csrf.h"
#include "web/session.h"

enum { ANSWER_MAX = 1024 };

struct verify_job {
    struct job job;
    struct peer *peer;
    struct upgrade *upgrade;
    struct text csrf;
    struct session session;
    int status; /* 101, or what to refuse with */
    const char *reason;
    struct text guest; /* who it is; empty for a member */
};

static void refuse(struct peer *peer, int status, const char *reason, const char *allow, bool no_body)
{
    struct buffer answer = buffer_new(ANSWER_MAX);
    log_event(LOG_INFO, "live refused", LOG_N("peer", peer->id), LOG_S("address", peer->address),
              LOG_N("status", status), LOG_S("reason", reason));
    upgrade_refuse(&answer, status, allow, no_body);
    peer_answer(peer, buffer_view(&answer), status, reason);
    buffer_free(&answer);
}

/* --- the health page --- */

static void answer_health(struct peer *peer, const struct upgrade *upgrade)
{
    char body[100], since[CLOCK_TEXT_SIZE];
    struct buffer answer = buffer_new(ANSWER_MAX);
    int64_t at = source_connected_since(peer->relay->source);
    int len = at ? snprintf(body, sizeof body, "{\"database\":\"connected\",\"since\":\"%s\"}\n", clock_text(at, since))
                 : snprintf(body, sizeof body, "{\"database\":\"away\"}\n");
    upgrade_answer(&answer, at ? 200 : 503, "application/json", (struct text){ body, (size_t)len }, NULL,
                   upgrade->no_body);
    peer_answer(peer, buffer_view(&answer), at ? 200 : 503, "health");
    buffer_free(&answer);
}

/* --- verifying --- */

static void judge(struct verify_job *verify, struct scope *scope)
{
    struct session *session = &verify->session;
    verify->status = 403;
    if (session_check(scope, session) != DONE) {
        verify->status = 503;
        verify->reason = "database away";
    } else if (session->state == SESSION_BAD) {
        verify->reason = "credentials";
    } else if (session->from_cookie && !csrf_valid(scope->config, session, verify->csrf)) {
        verify->reason = "csrf";
    } else {
        verify->status = 101;
    }
    if (verify->status == 101 && session->state == SESSION_USER && session->token.sight_due) {
        scope->address = text_of(verify->peer->address);
        token_seen(scope, &session->token.id, 1);
    }
}

static void verify_work(struct job *job, struct scope *scope, const struct view *view)
{
    (void)view;
    judge((struct verify_job *)job, scope);
}

/* What can have changed while it was verified. RFC 6455 4.1: a client waits for the answer before it sends anything;
 * what does not could be a request in somebody else's name behind a front end that reads it in another way. */
static void last_look(struct verify_job *verify)
{
    struct peer *peer = verify->peer;
    const struct relay *relay = peer->relay;
    if (verify->status != 101)
        return;
    if (peer->session && peer->session->state != SESSION_LIVE) {
        bool ended = peer->session->state == SESSION_ENDED;
        verify->status = ended ? 403 : 503;
        verify->reason = ended ? "session ended" : "sessions unknown";
    } else if (peer_impatient(peer)) {
        verify->status = 400;
        verify->reason = "frames before the answer";
    } else if (!peer_count(peer, (size_t)relay->config->relay_max_per_address)) {
        verify->status = 429;
        verify->reason = "too many of this address";
    }
}

/* A time as a peer keeps it; none that matters is further away. */
static uint32_t seconds(int64_t time)
{
    return time > UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

static void verify_done(struct job *job)
{
    struct verify_job *verify = (struct verify_job *)job;
    struct peer *peer = verify->peer;
    struct buffer answer = buffer_new(ANSWER_MAX);
    peer->busy--;
    last_look(verify);
    if (verify->status != 101) {
        refuse(peer, verify->status, verify->reason, NULL, false);
        phoenix_settled(peer);
        return;
    }
    must(verify->guest.len < sizeof peer->guest);
    if (verify->guest.len)
        memcpy(peer->guest, verify->guest.at, verify->guest.len);
    if (peer->session)
        sessions_verified(peer->session, verify->session.expires_at, relay_now(peer->relay));
    else
        peer->expires_at = seconds(verify->session.expires_at);
    upgrade_accept(verify->upgrade, &answer);
    peer_open(peer, buffer_view(&answer));
    buffer_free(&answer);
    phoenix_settled(peer);
}

/* What the token says by itself. Whoever it names is registered from here on, before the row is asked for. */
static void read_credentials(struct verify_job *verify, const struct upgrade *upgrade)
{
    struct peer *peer = verify->peer;
    struct arena *arena = verify->job.arena;
    struct credentials came = { .cookie = text_copy(arena, upgrade->cookie),
                                .bearer = text_copy(arena, upgrade->bearer) };
    struct scope scope = { .arena = arena, .config = peer->relay->config, .now = clock_now() };
    struct session *session = &verify->session;
    session_read(&came, &scope, session);
    if (session->state == SESSION_CLAIMED)
        peer->session = sessions_join(peer->relay->sessions, session->hash, session->sub, session->context, peer);
    else if (session->state == SESSION_NONE)
        session_passing_guest(&scope);
    verify->guest = scope.guest;
}

static void verify(struct peer *peer, const struct upgrade *upgrade)
{
    struct verify_job *job = job_new(sizeof *job, verify_work, verify_done);
    job->peer = peer;
    job->upgrade = arena_alloc(job->job.arena, sizeof *upgrade);
    *job->upgrade = *upgrade; /* of its texts only these are read on */
    job->csrf = text_copy(job->job.arena, upgrade->csrf);
    read_credentials(job, upgrade);
    peer->busy++;
    peer->state = PEER_JUDGED;
    peer_update(peer);
    pool_submit(peer->relay->pool, &job->job);
}

/* --- the request --- */

static void take_seat(struct peer *peer)
{
    peer->seated = true;
    peer->relay->seated++;
}

static void answer_options(struct peer *peer, const struct upgrade *upgrade)
{
    struct buffer answer = buffer_new(ANSWER_MAX);
    upgrade_options(upgrade, upgrade->poll.from_ours ? peer->relay->config->origin : TEXT(""), &answer);
    peer_answer(peer, buffer_view(&answer), 200, "options");
    buffer_free(&answer);
}

static void let_in(struct peer *peer, const struct upgrade *upgrade, struct text rest)
{
    take_seat(peer);
    if (upgrade->kind == UPGRADE_POLL)
        longpoll_get(peer, upgrade);
    else if (upgrade->kind == UPGRADE_POST)
        longpoll_post(peer, upgrade, rest);
    else if (upgrade->kind == UPGRADE_STREAM)
        stream_open(peer, upgrade);
    else
        verify(peer, upgrade);
}

static void go_on(struct peer *peer, const struct upgrade *upgrade, struct text rest)
{
    struct relay *relay = peer->relay;
    const char *address = addresses_keep(relay->addresses, upgrade->address);
    addresses_drop(relay->addresses, &peer->address); /* the new one may have been the old one */
    peer->address = address;
    if (upgrade->kind == UPGRADE_REFUSED && upgrade->in_json)
        longpoll_refuse(peer, upgrade->status, upgrade->reason);
    else if (upgrade->kind == UPGRADE_REFUSED)
        refuse(peer, upgrade->status, upgrade->reason, upgrade->allow, upgrade->no_body);
    else if (upgrade->kind == UPGRADE_HEALTH)
        answer_health(peer, upgrade);
    else if (upgrade->kind == UPGRADE_ASKED)
        answer_options(peer, upgrade);
    else if (relay->draining)
        refuse(peer, 503, "restart", NULL, false);
    else if (source_away(relay->source))
        refuse(peer, 503, "database away", NULL, false);
    else if (relay->seated >= relay->peer_limit)
        refuse(peer, 503, "too many peers", NULL, false);
    else
        let_in(peer, upgrade, rest);
}

void welcome_head(struct peer *peer, struct text bytes, bool more)
{
    struct head head;
    enum head_state state = head_parse(bytes, &head);
    if (state == HEAD_PARTIAL && !more)
        return;
    /* Nothing may follow a request that has no body before it is answered. */
    bool follows = more || head.len < bytes.len;
    if (state != HEAD_DONE || (follows && !head_has_body(&head))) {
        refuse(peer, 400, "request", NULL, false);
        return;
    }
    struct arena *arena = arena_new();
    struct upgrade upgrade;
    upgrade_judge(peer->relay->config, arena, &head, text_of(peer->address), &upgrade);
    go_on(peer, &upgrade, (struct text){ bytes.at + head.len, bytes.len - head.len });
    arena_free(&arena);
}

void welcome_late(struct peer *peer)
{
    refuse(peer, 408, "request too slow", NULL, false);
}
