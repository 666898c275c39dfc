#include "relay/asker.h"

#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "live/cursor.h"
#include "relay/peer.h"
#include "relay/relay.h"
#include "relay/sessions.h"
#include "relay/upgrade.h"
#include "web/csrf.h"

static bool refuse(struct asker *asker, const char *reason)
{
    asker->reason = reason;
    return false;
}

/* --- on the loop --- */

static void become_guest(struct peer *peer, struct asker *asker, struct text guest, int64_t expires_at)
{
    must(guest.len < sizeof peer->guest);
    memcpy(peer->guest, guest.at, guest.len);
    peer->guest[guest.len] = '\0';
    peer->expires_at = expires_at;
    asker->guest = text_of(peer->guest);
}

static void become_member(struct peer *peer, const struct asker *asker)
{
    const struct session *session = &asker->session;
    peer->session = sessions_join(peer->relay->sessions, session->hash, session->sub, session->context, peer);
}

/* The token is all there is. */
static bool by_token(struct peer *peer, const struct cursor *cursor, struct asker *out)
{
    if (!cursor->session[0]) {
        become_guest(peer, out, text_of(cursor->guest), 0);
        return true;
    }
    out->by_hash = true;
    out->session = (struct session){
        .state = SESSION_CLAIMED, .hash = text_of(cursor->session), .sub = TEXT(""), .context = TOKEN_API
    };
    become_member(peer, out);
    return true;
}

static bool same_owner(const struct cursor *cursor, const struct session *session, struct text guest)
{
    if (cursor->from_cookie != session->from_cookie)
        return false;
    return session->state == SESSION_CLAIMED ? cursor->session[0] && text_is(session->hash, cursor->session)
                                             : cursor->guest[0] && text_is(guest, cursor->guest);
}

static struct scope scope_of(const struct peer *peer, struct arena *arena)
{
    return (struct scope){ .arena = arena, .config = peer->relay->config, .now = clock_now() };
}

bool asker_read(struct peer *peer, struct arena *arena, const struct upgrade *upgrade, const struct cursor *cursor,
                struct asker *out)
{
    struct scope scope = scope_of(peer, arena);
    bool bearer_only = cursor && !cursor->from_cookie;
    struct credentials came = { .cookie = bearer_only ? TEXT("") : text_copy(arena, upgrade->cookie),
                                .bearer = text_copy(arena, upgrade->bearer) };
    *out = (struct asker){ .csrf = text_copy(arena, upgrade->csrf), .address = text_of(peer->address) };
    if (bearer_only && !came.bearer.len)
        return by_token(peer, cursor, out);
    session_read(&came, &scope, &out->session);
    if (out->session.state == SESSION_BAD)
        return refuse(out, "credentials");
    if (out->session.from_cookie && !upgrade->may_be_ours)
        return refuse(out, "cookie without origin");
    if (cursor && !same_owner(cursor, &out->session, scope.guest))
        return refuse(out, "another's token");
    out->csrf_due = out->session.from_cookie;
    if (out->session.state == SESSION_NONE)
        session_passing_guest(&scope);
    if (out->session.state == SESSION_CLAIMED)
        become_member(peer, out);
    else
        become_guest(peer, out, scope.guest, out->session.expires_at);
    return true;
}

void asker_visit(struct peer *peer, struct arena *arena, const struct upgrade *upgrade, struct asker *out)
{
    struct scope scope = scope_of(peer, arena);
    struct credentials came = { .cookie = text_copy(arena, upgrade->cookie) };
    *out = (struct asker){ .address = text_of(peer->address) };
    session_read(&came, &scope, &out->session);
    if (out->session.state == SESSION_CLAIMED) {
        become_member(peer, out);
        return;
    }
    if (out->session.state != SESSION_GUEST)
        session_passing_guest(&scope);
    become_guest(peer, out, scope.guest, out->session.expires_at);
}

void asker_again(const struct peer *peer, struct asker *out)
{
    const struct live_session *live = peer->session;
    *out = (struct asker){ .address = text_of(peer->address), .guest = text_of(peer->guest) };
    out->session.expires_at = peer->expires_at;
    if (!live)
        return;
    out->by_hash = live->sub[0] == '\0';
    out->session = (struct session){ .state = SESSION_CLAIMED,
                                     .from_cookie = live->context == TOKEN_SESSION,
                                     .hash = text_of(live->hash),
                                     .sub = text_of(live->sub),
                                     .context = live->context };
}

/* --- on a worker --- */

static enum outcome check_member(struct asker *asker, struct scope *scope)
{
    struct session *session = &asker->session;
    struct token token;
    enum outcome outcome = token_find(scope, session->hash, &token);
    if (outcome == BROKEN)
        return BROKEN;
    if (outcome == DONE && asker->by_hash)
        session->sub = token.userid;
    session_judge(scope, session, outcome == DONE ? &token : NULL);
    if (session->state != SESSION_USER) {
        asker->reason = "session ended";
        return DENIED;
    }
    return DONE;
}

static enum outcome check_guest(struct asker *asker, struct scope *scope)
{
    scope->guest = asker->guest;
    if (!asker->session.expires_at || asker->session.expires_at > scope->now / 1000000)
        return DONE;
    asker->reason = "guest expired";
    return DENIED;
}

enum outcome asker_check(struct asker *asker, struct scope *scope)
{
    scope->address = asker->address;
    enum outcome outcome = asker->guest.len ? check_guest(asker, scope) : check_member(asker, scope);
    if (outcome != DONE)
        return outcome;
    if (asker->csrf_due && !csrf_valid(scope->config, &asker->session, asker->csrf)) {
        asker->reason = "csrf";
        return DENIED;
    }
    if (asker->session.state == SESSION_USER && asker->session.token.sight_due)
        token_seen(scope, &asker->session.token.id, 1);
    return DONE;
}

enum outcome asker_still(const struct asker *asker, const struct scope *scope)
{
    struct token token;
    if (asker->guest.len)
        return DONE;
    enum outcome outcome = token_find(scope, asker->session.hash, &token);
    return outcome == MISSING ? DENIED : outcome;
}
