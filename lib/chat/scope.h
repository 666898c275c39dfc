/* Who is asking, from where, when, and with what: the first argument of every function of the domain. Made in one place
 * (web/session.h) from a cookie or a token, for a page, an API call and a socket alike. A visitor without account has
 * one too. */
#ifndef CONFAB_CHAT_SCOPE_H
#define CONFAB_CHAT_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct arena;
struct bell;
struct config;
struct db;
struct params;

/* What somebody may do besides what everybody may. In this order: each may all that those before may. */
enum role { ROLE_MEMBER, ROLE_MODERATOR, ROLE_ADMIN };

struct scope {
    struct arena *arena; /* what the answers live in */
    struct db *db;
    struct bell *bell; /* or NULL: what is written is told through the database */
    const struct config *config;
    int64_t now;         /* microseconds since 1970, this host's clock */
    int64_t user_id;     /* 0: nobody who signed in */
    struct text userid;  /* the user's public name of the row; empty for a guest */
    struct text name;    /* the account's name; for a guest the one remembered, or empty */
    struct text picture; /* the account's picture, or empty */
    enum role role;
    bool confirmed;      /* the account's address is */
    struct text token;   /* hash of the session or API token that was come with; empty for a guest */
    int64_t signed_in;   /* seconds since the last sign-in, by the database's clock */
    struct text guest;   /* public id of a guest; empty for a user, and for one who has no identity yet */
    struct text address; /* of the client, as the front end saw it; may be empty */
};

/* Is it somebody with an account? */
bool scope_member(const struct scope *);

/* May this asker write at all? Guests only where site.guests is on, and with an identity. */
bool scope_may_post(const struct scope *);

/* $1 of every query: the user's id, or null. */
void scope_param(const struct scope *, struct params *);

#endif
