#include "web/session.h"

#include <sodium.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/utf8.h"
#include "web/cookie.h"
#include "web/jwt.h"
#include "web/secret.h"

enum {
    GUEST_SECONDS = 90 * 86400,
    GUEST_RENEW_SECONDS = 7 * 86400,
    GUEST_ID_BYTES = 12,
    USER_AGENT_MOST = 300,
    BEHIND_SECONDS = 60
};

/* The public id of a new guest: a keyed hash of its secret. It travels in the token as `sub`, so that it stays when
 * keys rotate. */
static struct text public_id(const struct config *config, struct arena *arena, struct text secret)
{
    unsigned char mac[SECRET_BYTES];
    secret_mac(&config->keys[0], "guest id", secret.at, secret.len, mac);
    return text_base64url(arena, mac, GUEST_ID_BYTES);
}

static void become_guest(struct scope *scope, struct session *session, const struct jwt_claims *claims)
{
    *session = (struct session){ .state = SESSION_GUEST,
                                 .from_cookie = true,
                                 .secret = claims->jti,
                                 .name = claims->name,
                                 .issued_at = claims->iat,
                                 .expires_at = claims->exp };
    scope->user_id = 0;
    scope->userid = scope->picture = scope->token = TEXT("");
    scope->role = ROLE_MEMBER;
    scope->confirmed = false;
    scope->name = claims->name;
    scope->guest = claims->sub;
}

/* A user's token, of a browser or a program; what it says still has to be asked for. */
static void claim(const struct scope *scope, struct session *session, const struct jwt_claims *claims)
{
    *session = (struct session){ .state = SESSION_CLAIMED,
                                 .from_cookie = claims->kind == JWT_SESSION,
                                 .context = claims->kind == JWT_SESSION ? TOKEN_SESSION : TOKEN_API,
                                 .jti = claims->jti,
                                 .hash = token_hash(scope->arena, claims->jti),
                                 .sub = claims->sub,
                                 .issued_at = claims->iat,
                                 .expires_at = claims->exp };
}

void session_read(const struct credentials *came, struct scope *scope, struct session *session)
{
    struct jwt_claims claims;
    struct text token = came->bearer;
    *session = (struct session){ .state = SESSION_NONE };
    if (!came->bearer.len && !cookie_find(scope->config, came->cookie, &token))
        return;
    unsigned kinds = came->bearer.len ? JWT_API : JWT_SESSION | JWT_GUEST;
    if (!jwt_verify(scope->config, scope->arena, kinds, token, scope->now / 1000000, &claims) || !claims.sub.len)
        *session = (struct session){ .state = SESSION_BAD, .from_cookie = !came->bearer.len };
    else if (claims.kind == JWT_GUEST)
        become_guest(scope, session, &claims);
    else
        claim(scope, session, &claims);
}

void session_named(struct session *session, struct text hash, enum token_context context)
{
    *session = (struct session){
        .state = SESSION_CLAIMED, .from_cookie = context == TOKEN_SESSION, .context = context, .hash = hash
    };
}

static void become_user(struct scope *scope, struct session *session, const struct token *token)
{
    session->state = SESSION_USER;
    session->token = *token;
    session->hash = token->hash;
    session->secret = token->csrf_secret;
    session->expires_at = token->expires_at;
    session->name = TEXT("");
    scope->user_id = token->user_id;
    scope->userid = token->userid;
    scope->name = token->name;
    scope->picture = token->picture;
    scope->role = token->role;
    scope->confirmed = token->confirmed;
    scope->token = token->hash;
    scope->signed_in = token->signed_in;
    scope->guest = TEXT("");
}

static void recognise(struct scope *scope, struct session *session, const struct token *token)
{
    bool cookie = session->jti.len && session->context == TOKEN_SESSION;
    session->behind = cookie && session->expires_at + BEHIND_SECONDS < token->expires_at;
    become_user(scope, session, token);
}

void session_judge(struct scope *scope, struct session *session, const struct token *token)
{
    if (session->state != SESSION_CLAIMED)
        return;
    if (token && token->context == session->context && text_equal(token->hash, session->hash) &&
        (!session->sub.len || text_equal(token->userid, session->sub)))
        recognise(scope, session, token);
    else
        *session = (struct session){ .state = SESSION_BAD,
                                     .from_cookie = session->from_cookie,
                                     .hash = token ? TEXT("") : session->hash };
}

enum outcome session_check(struct scope *scope, struct session *session)
{
    struct token token;
    if (session->state != SESSION_CLAIMED)
        return DONE;
    enum outcome outcome = token_find(scope, session->hash, &token);
    if (outcome != BROKEN)
        session_judge(scope, session, outcome == DONE ? &token : NULL);
    return outcome == BROKEN ? BROKEN : DONE;
}

enum outcome session_open(const struct credentials *came, struct scope *scope, struct session *session)
{
    session_read(came, scope, session);
    return session_check(scope, session);
}

/* --- users --- */

static struct text sign(const struct scope *scope, enum jwt_kind kind, struct text jti, const struct token *token)
{
    struct jwt_claims claims = {
        .jti = jti, .sub = token->userid, .iat = scope->now / 1000000, .exp = token->expires_at
    };
    return jwt_sign(scope->config, scope->arena, kind, &claims);
}

static struct text session_cookie(const struct scope *scope, struct text jti, const struct token *token)
{
    struct text jwt = sign(scope, JWT_SESSION, jti, token);
    return cookie_set(scope->config, scope->arena, jwt, token->remembered ? TOKEN_SESSION_SECONDS : 0);
}

enum outcome session_start(struct scope *scope, struct session *session, int64_t user_id, struct text password_hash,
                           bool remembered, struct text user_agent, struct text *set_cookie)
{
    struct text jti = jwt_id_new(scope->arena);
    bool again = session->state == SESSION_USER && scope->user_id == user_id && session->secret.len;
    struct token_new new = { .user_id = user_id,
                             .context = TOKEN_SESSION,
                             .hash = token_hash(scope->arena, jti),
                             .csrf_secret = again ? session->secret : jwt_id_new(scope->arena),
                             .remembered = remembered,
                             .user_agent = utf8_first(scope->arena, user_agent, USER_AGENT_MOST),
                             .replaces = session->state == SESSION_USER ? session->hash : TEXT(""),
                             .password_hash = password_hash };
    struct token token;
    enum outcome outcome = token_start(scope, &new, &token);
    if (outcome != DONE)
        return outcome;
    become_user(scope, session, &token);
    session->from_cookie = true;
    session->jti = jti;
    *set_cookie = session_cookie(scope, jti, &token);
    return DONE;
}

enum outcome session_api_token(const struct scope *scope, int64_t user_id, struct text password_hash,
                               struct text user_agent, struct text *out, struct token *token)
{
    struct text jti = jwt_id_new(scope->arena);
    struct token_new new = { .user_id = user_id,
                             .context = TOKEN_API,
                             .hash = token_hash(scope->arena, jti),
                             .user_agent = utf8_first(scope->arena, user_agent, USER_AGENT_MOST),
                             .password_hash = password_hash };
    enum outcome outcome = token_start(scope, &new, token);
    if (outcome == DONE)
        *out = sign(scope, JWT_API, jti, token);
    return outcome;
}

struct text session_renew(struct scope *scope, struct session *session)
{
    struct token *token = &session->token;
    if (session->state != SESSION_USER)
        return TEXT("");
    if (token->sight_due)
        token_seen(scope, &token->id, 1);
    token->sight_due = false;
    if (session->context != TOKEN_SESSION || !(token->renewal_due || session->behind))
        return TEXT("");
    if (token->renewal_due && token_renew(scope, token) != DONE)
        return TEXT("");
    token->renewal_due = session->behind = false;
    session->expires_at = token->expires_at;
    return session_cookie(scope, session->jti, token);
}

/* --- guests --- */

struct text session_guest(struct scope *scope, struct session *session, struct text name)
{
    int64_t now = scope->now / 1000000;
    bool known = session->state == SESSION_GUEST;
    struct text secret = known ? session->secret : jwt_id_new(scope->arena);
    struct jwt_claims claims = { .jti = secret,
                                 .sub = known ? scope->guest : public_id(scope->config, scope->arena, secret),
                                 .name = name,
                                 .iat = now,
                                 .exp = now + GUEST_SECONDS };
    struct text token = jwt_sign(scope->config, scope->arena, JWT_GUEST, &claims);
    become_guest(scope, session, &claims);
    return cookie_set(scope->config, scope->arena, token, GUEST_SECONDS);
}

bool session_stale(const struct session *session, const struct scope *scope)
{
    return session->state == SESSION_GUEST && session->issued_at + GUEST_RENEW_SECONDS < scope->now / 1000000;
}

bool session_just_replaced(const struct scope *scope, const struct session *session)
{
    return session->state == SESSION_BAD && session->hash.len && token_just_replaced(scope, session->hash);
}

void session_passing_guest(struct scope *scope)
{
    unsigned char bytes[GUEST_ID_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    scope->guest = text_base64url(scope->arena, bytes, sizeof bytes);
}
