#include "relay/admit.h"

#include "base/arena.h"
#include "chat/scope.h"
#include "relay/call.h"
#include "relay/peer.h"
#include "relay/sessions.h"
#include "web/session.h"

/* The rows of a batch. */
struct found {
    enum outcome outcome;
    struct token *tokens;
    size_t count;
};

static bool contains(const struct text *hashes, size_t count, const char *hash)
{
    for (size_t i = 0; i < count; i++)
        if (hashes[i].at == hash)
            return true;
    return false;
}

static struct found find(const struct scope *scope, struct call *const *calls, size_t count)
{
    struct found found = { .outcome = DONE };
    struct text *hashes = arena_array(scope->arena, count, sizeof *hashes);
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) {
        const struct live_session *session = calls[i]->peer->session;
        if (session && !contains(hashes, asked, session->hash))
            hashes[asked++] = text_of(session->hash);
    }
    if (!asked)
        return found;
    found.tokens = arena_array(scope->arena, asked, sizeof *found.tokens);
    found.outcome = token_find_many(scope, hashes, asked, found.tokens, &found.count);
    return found;
}

static void turn_away(const struct scope *scope, struct call *call, const char *reason)
{
    call->answer = (struct channel_answer){ 0 };
    channel_refuse(scope->arena, &call->answer, reason);
}

/* The token was ours when the peer came, and says the same for ever; whether it holds is the row's to say. */
static bool admit_member(struct call *call, struct scope *scope, const struct found *found)
{
    const struct live_session *live = call->peer->session;
    const struct token *token = NULL;
    struct session session = { .state = SESSION_CLAIMED,
                               .from_cookie = live->context == TOKEN_SESSION,
                               .hash = text_of(live->hash),
                               .sub = text_of(live->sub),
                               .context = live->context };
    if (found->outcome != DONE) {
        turn_away(scope, call, "unavailable");
        return false;
    }
    for (size_t i = 0; i < found->count && !token; i++)
        if (text_equal(found->tokens[i].hash, session.hash))
            token = &found->tokens[i];
    session_judge(scope, &session, token);
    if (session.state == SESSION_USER)
        return true;
    call->ended = token_end_reason(scope, text_of(live->hash));
    turn_away(scope, call, call->ended ? "unauthorized" : "unavailable");
    return false;
}

/* A signature that was found good stays good: only its time is looked at. */
static bool admit_guest(struct call *call, struct scope *scope)
{
    const struct peer *peer = call->peer;
    scope->guest = text_of(peer->guest);
    if (!peer->expires_at || peer->expires_at > scope->now / 1000000)
        return true;
    turn_away(scope, call, "unauthorized");
    return false;
}

void admit_calls(const struct scope *scope, struct call *const *calls, size_t count, struct scope *scopes,
                 bool *admitted)
{
    struct found found = find(scope, calls, count);
    for (size_t i = 0; i < count; i++) {
        scopes[i] = *scope;
        scopes[i].address = text_of(calls[i]->peer->address);
        admitted[i] =
            calls[i]->peer->session ? admit_member(calls[i], &scopes[i], &found) : admit_guest(calls[i], &scopes[i]);
    }
}

void admit_joined(const struct scope *scope, struct call *call)
{
    struct scope again = *scope;
    if (!call->peer->session || !call->answer.joined)
        return;
    struct found found = find(scope, &call, 1);
    (void)admit_member(call, &again, &found);
}
