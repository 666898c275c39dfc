/* Who is asking: the one place where a cookie or a token becomes a scope, for a page, an API call and a socket alike.
 * It is done in two steps, because a relay must know which session it is before it asks whether that still holds
 * (DESIGN 4): session_read looks at the token alone, session_check at its row. session_open is both. */
#ifndef CONFAB_WEB_SESSION_H
#define CONFAB_WEB_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"
#include "chat/scope.h"
#include "chat/token.h"

/* What came with the request. Empty texts: it was not there. */
struct credentials {
    struct text cookie; /* the Cookie header */
    struct text bearer; /* a JWT: Authorization, token=, authToken */
};

/* NONE: no credentials at all. GUEST: a guest's cookie holds. USER: a signed-in person, or a program of one. BAD:
 * credentials came and do not hold; a page drops them and goes on as guest, everything else refuses (DESIGN 4).
 * CLAIMED: between the two steps: the token is ours, its row has not been asked for. */
enum session_state { SESSION_NONE, SESSION_GUEST, SESSION_USER, SESSION_BAD, SESSION_CLAIMED };

struct session {
    enum session_state state;
    bool from_cookie;   /* then a CSRF token must come with whatever changes something */
    struct text secret; /* what CSRF tokens are bound to: a guest's jti, a session's csrf_secret. Never shown */
    struct text name;   /* remembered by a guest's cookie */
    int64_t issued_at;  /* seconds since 1970 */
    int64_t expires_at;

    /* Of a user. */
    struct text hash; /* of the token; kept by a BAD one that has no live row */
    struct text jti;  /* never shown */
    struct text sub;  /* the userid that the token names; empty: it was named by its hash alone */
    enum token_context context;
    struct token token; /* its row, once it was checked */
    bool behind;        /* the session lasts longer than the cookie says: the answer that brought a new one was lost */
};

/* Judge what came by itself. Needs the scope's arena, config and now; fills what is known of the asker (a guest). */
void session_read(const struct credentials *, struct scope *, struct session *);

/* A session that something else signed by us names by its hash, without the cookie or token itself: CLAIMED. The hash
 * is borrowed. */
void session_named(struct session *, struct text hash, enum token_context);

/* What of a session that was read is a row's word for it, or not: a CLAIMED session becomes USER, and the scope's asker
 * is filled, or BAD. `token` is the row, NULL when there is none. */
void session_judge(struct scope *, struct session *, const struct token *);

/* Ask for the row of a CLAIMED session, and judge. Others stay as they are. DONE, or BROKEN: the database could not be
 * asked. */
enum outcome session_check(struct scope *, struct session *) __attribute__((warn_unused_result));

/* Both steps. The scope already has arena, db, config, now and address. */
enum outcome session_open(const struct credentials *, struct scope *, struct session *)
    __attribute__((warn_unused_result));

/* Begin a session of the user in place of the one there is (a guest's or a user's). The same user's inherits what forms
 * are bound to, so that those of other tabs still hold. Fills scope and session; *set_cookie is the Set-Cookie value.
 * password_hash: see struct token_new. MISSING: as token_start. */
enum outcome session_start(struct scope *, struct session *, int64_t user_id, struct text password_hash,
                           bool remembered, struct text user_agent, struct text *set_cookie)
    __attribute__((warn_unused_result));

/* A token for a program of the user, good for an hour: the JWT in *out. */
enum outcome session_api_token(const struct scope *, int64_t user_id, struct text password_hash, struct text user_agent,
                               struct text *out, struct token *token) __attribute__((warn_unused_result));

/* A user's session that is a week old is issued anew with the same jti, and its end moves; what is due of "last seen"
 * is written. A cookie that is behind is sent again. The Set-Cookie value to send, or the empty text. */
struct text session_renew(struct scope *, struct session *);

/* Make the asker a guest with an identity that lasts: fills scope and session, and returns the Set-Cookie value to
 * send. With a session of state GUEST the identity stays and only name and date are new; with any other a new identity
 * is made. */
struct text session_guest(struct scope *, struct session *, struct text name);

/* Is a guest's cookie old enough to be sent anew (a week of its ninety days)? */
bool session_stale(const struct session *, const struct scope *);

/* Does it not hold because a new sign-in took its place a moment ago? The request was on its way meanwhile: its answer
 * must set no cookie, which could come over the new one. */
bool session_just_replaced(const struct scope *, const struct session *);

/* A guest for one connection only, without a cookie: fills the scope's guest id. */
void session_passing_guest(struct scope *);

#endif
