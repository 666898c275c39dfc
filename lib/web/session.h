/* Who is asking: the one place where a cookie or a token becomes a scope, for a page, an API call and a socket alike.
 */
#ifndef CONFAB_WEB_SESSION_H
#define CONFAB_WEB_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"
#include "chat/scope.h"

/* What came with the request. Empty texts: it was not there. */
struct credentials {
    struct text cookie; /* the Cookie header */
    struct text bearer; /* a JWT: Authorization, token=, authToken */
};

/* NONE: no credentials at all. GUEST: a guest's cookie holds. USER: a signed-in person. BAD: credentials came and do
 * not hold; a page drops them and goes on as guest, everything else refuses (DESIGN 4). */
enum session_state { SESSION_NONE, SESSION_GUEST, SESSION_USER, SESSION_BAD };

struct session {
    enum session_state state;
    bool from_cookie;   /* then a CSRF token must come with whatever changes something */
    struct text secret; /* jti of the session or guest; what CSRF tokens are bound to. Never shown */
    struct text name;   /* remembered by a guest's cookie */
    int64_t issued_at;  /* seconds since 1970 */
    int64_t expires_at;
};

/* Judge the credentials and fill the asker's part of a scope that already has arena, db, config, now and address.
 * DONE, or BROKEN when the database could not be asked. */
enum outcome session_open(const struct credentials *, struct scope *, struct session *)
    __attribute__((warn_unused_result));

/* Make the asker a guest with an identity that lasts: fills scope and session, and returns the Set-Cookie value to
 * send. With a session of state GUEST the identity stays and only name and date are new; with any other a new identity
 * is made. */
struct text session_guest(struct scope *, struct session *, struct text name);

/* Is a guest's cookie old enough to be sent anew (a week of its ninety days)? */
bool session_stale(const struct session *, const struct scope *);

/* A guest for one connection only, without a cookie: fills the scope's guest id. */
void session_passing_guest(struct scope *);

#endif
