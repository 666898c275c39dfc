/* Who sends the requests of a long poll, or opens a stream. As with a WebSocket (welcome.h), what came is read on the
 * loop, where a member's peer is registered with its session, and the session's row is asked for on a worker after
 * that; but here with each request, for each stands by itself.
 *
 * What counts as credentials:
 * 1. Without a poll's token: a bearer, or else the cookie with its CSRF token, or else nothing: a passing guest.
 * 2. With a token that was given to a cookie: that cookie, or another of the same session, with a CSRF token. The token
 *    alone is worth nothing then.
 * 3. With a token that was given to a bearer or to a passing guest: the token is enough, for clients send a bearer
 *    with their first GETs only. A bearer that comes all the same must be the same session's. Cookies do not count.
 * A token that was given to a session holds as long as that. */
#ifndef CONFAB_RELAY_ASKER_H
#define CONFAB_RELAY_ASKER_H

#include <stdbool.h>

#include "base/errors.h"
#include "base/text.h"
#include "web/session.h"

struct arena;
struct cursor;
struct peer;
struct scope;
struct upgrade;

struct asker {
    struct session session;
    bool by_hash;      /* it is known by the hash alone, from a poll's token: whose it is, its row says */
    struct text csrf;  /* what came */
    bool csrf_due;     /* it is to be judged */
    struct text guest; /* the public id; empty for a member */
    struct text address;
    const char *reason; /* why not, for the log */
};

/* On the loop: read what came, and register the peer with its session. cursor is what the poll's token says, or NULL.
 * The texts of the answer live in the arena, those of the cursor must live as long. False: refused. */
bool asker_read(struct peer *, struct arena *, const struct upgrade *, const struct cursor *, struct asker *out)
    __attribute__((warn_unused_result));

/* On the loop: the same for a page's navigation, where credentials that do not hold are dropped. */
void asker_visit(struct peer *, struct arena *, const struct upgrade *, struct asker *out);

/* On the loop: who the peer is, once it has been found out. */
void asker_again(const struct peer *, struct asker *out);

/* On a worker: does it hold? Then the scope is filled. DENIED: it does not. BROKEN: nobody knows. */
enum outcome asker_check(struct asker *, struct scope *) __attribute__((warn_unused_result));

/* On a worker, after something was read for the asker that a sign-out must keep from them: if the session still holds,
 * it held when that was read. */
enum outcome asker_still(const struct asker *, const struct scope *) __attribute__((warn_unused_result));

#endif
