/* What was handed out to people: sessions of browsers and tokens of programs, each a row that ends when it is ended.
 * The signed token that names the row is web/jwt.h's business; here it is known by its hash. */
#ifndef CONFAB_CHAT_TOKEN_H
#define CONFAB_CHAT_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"
#include "chat/scope.h"

enum token_context { TOKEN_SESSION, TOKEN_API };

/* Why one ended early, as pages are told: "signed_out", "revoked", "expired", "banned", "replaced". */
enum token_end { TOKEN_SIGNED_OUT, TOKEN_REVOKED, TOKEN_EXPIRED, TOKEN_BANNED, TOKEN_REPLACED };

const char *token_end_name(enum token_end);
/* The same word, as it lasts; "revoked" for one that is not known. */
const char *token_end_known(struct text name);

enum {
    TOKEN_HASH_LEN = 43, /* SHA-256 in base64url */
    TOKEN_SESSION_SECONDS = 14 * 86400,
    TOKEN_API_SECONDS = 3600,
    TOKEN_RECENT_SECONDS = 10 * 60, /* a sign-in is recent enough for the page of a sensitive action, */
    TOKEN_ACTION_SECONDS = 20 * 60, /* and for the action itself */
};

struct token {
    struct text hash;
    enum token_context context;
    int64_t id, user_id;
    struct text userid, name, picture;
    enum role role;
    bool confirmed;
    struct text csrf_secret;
    bool remembered;
    int64_t signed_in;  /* seconds since the sign-in that it goes back to */
    int64_t expires_at; /* seconds since 1970 */
    bool renewal_due;   /* the JWT that is out is a week old */
    bool sight_due;     /* last_seen_at is five minutes old */
};

/* SHA-256 of a jti, in base64url. */
struct text token_hash(struct arena *, struct text jti);

/* The token of that hash, if it holds: live, by the database's clock, of somebody who is not banned. MISSING: it does
 * not. */
enum outcome token_find(const struct scope *, struct text hash, struct token *out) __attribute__((warn_unused_result));

/* Those that hold of many, in any order; out has places for all. */
enum outcome token_find_many(const struct scope *, const struct text *hashes, size_t count, struct token *out,
                             size_t *out_count) __attribute__((warn_unused_result));

struct token_new {
    int64_t user_id;
    enum token_context context;
    struct text hash, csrf_secret;
    bool remembered;
    struct text user_agent;
    struct text replaces;      /* hash of the session whose place it takes, or empty */
    struct text password_hash; /* it was begun with the password that this was kept of, or empty */
};

/* Begin one. MISSING: there is no such user any more, or banned, or with another password by now. */
enum outcome token_start(const struct scope *, const struct token_new *, struct token *out)
    __attribute__((warn_unused_result));

/* Move the end of the session to two weeks from now; the sign-in stays as old as it is. MISSING: it has ended. */
enum outcome token_renew(const struct scope *, struct token *) __attribute__((warn_unused_result));

/* These sessions of the asker were seen now, from scope->address. What goes wrong is logged only. */
void token_seen(const struct scope *, const int64_t *ids, size_t count);

/* The pages of these sessions are open, so they count as seen. What goes wrong is logged only. */
void token_still_open(const struct scope *, const int64_t *ids, size_t count);

/* Why a token does not hold, in the words of token_end_name; one without a row was revoked. NULL: the database could
 * not be asked. */
const char *token_end_reason(const struct scope *, struct text hash) __attribute__((warn_unused_result));

/* Did a new sign-in take its place a moment ago? Then whoever comes with it may have been given the new one meanwhile.
 * Also when the database could not be asked. */
bool token_just_replaced(const struct scope *, struct text hash);

/* End one of the asker's. MISSING: it is not the asker's, or has ended already. */
enum outcome token_end(const struct scope *, struct text hash, enum token_end why) __attribute__((warn_unused_result));

/* End all of the asker's, but keep the one of that hash (empty: none). */
enum outcome token_end_all(const struct scope *, enum token_end why, struct text keep, size_t *ended)
    __attribute__((warn_unused_result));

struct token_line {
    struct text hash;
    enum token_context context;
    int64_t inserted_at, last_seen_at, expires_at; /* seconds since 1970 */
    struct text user_agent, address;
};

/* The live ones of a user, the latest seen first, 500 at most: the asker's own, or, by the operator's tool, anybody's.
 */
enum outcome token_list(const struct scope *, int64_t user_id, struct token_line **out, size_t *count)
    __attribute__((warn_unused_result));

/* The operator's tool ends anybody's. MISSING: no live one has that hash. */
enum outcome token_revoke(const struct scope *, struct text hash) __attribute__((warn_unused_result));

/* What ended early, as relays follow it. */
struct revocation {
    int64_t id;
    struct text hash;
    struct text reason;
    int64_t ends_at; /* seconds since 1970, of the database's clock */
    bool over;       /* that has come; else it is still to come */
};

struct revocations {
    int64_t last;  /* the counter: everything up to here is in the log, but for what was swept */
    int64_t swept; /* everything up to here may be gone */
    int64_t now;   /* the database's clock, seconds since 1970 */
    struct revocation *items;
    size_t count;
};

enum { REVOCATIONS_MOST = 1000 };

/* What was logged after `after`, in order, at most REVOCATIONS_MOST. */
enum outcome revocations_read(const struct scope *, int64_t after, struct revocations *out)
    __attribute__((warn_unused_result));

#endif
