#include "web/session.h"

#include <sodium.h>

#include "base/arena.h"
#include "base/config.h"
#include "web/cookie.h"
#include "web/jwt.h"
#include "web/secret.h"

enum { GUEST_SECONDS = 90 * 86400, GUEST_RENEW_SECONDS = 7 * 86400, GUEST_ID_BYTES = 12 };

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
    scope->name = claims->name;
    scope->guest = claims->sub;
}

enum outcome session_open(const struct credentials *came, struct scope *scope, struct session *session)
{
    struct jwt_claims claims;
    struct text token;
    *session = (struct session){ .state = SESSION_NONE };
    if (came->bearer.len) { /* no tokens are given out yet, so none holds */
        session->state = SESSION_BAD;
        return DONE;
    }
    if (!cookie_find(scope->config, came->cookie, &token))
        return DONE;
    if (jwt_verify(scope->config, scope->arena, JWT_GUEST, token, scope->now / 1000000, &claims) && claims.sub.len)
        become_guest(scope, session, &claims);
    else
        *session = (struct session){ .state = SESSION_BAD, .from_cookie = true };
    return DONE;
}

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

void session_passing_guest(struct scope *scope)
{
    unsigned char bytes[GUEST_ID_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    scope->guest = text_base64url(scope->arena, bytes, sizeof bytes);
}
