/* The token of a long poll: a signed cursor that says whose poll it is, which topics are joined, and how far each was
 * told (WIRE-PROTOCOL 7). Nothing of it is kept anywhere else, so any process can answer the next poll. No database.
 *
 * A token that holds was made by us and is not old. Whether its session still is one has to be asked elsewhere. */
#ifndef CONFAB_LIVE_CURSOR_H
#define CONFAB_LIVE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct arena;
struct config;
struct scope;

enum {
    CURSOR_TOKEN_MAX = 6000, /* characters: with the rest of the URL well below the 8 KiB of a request line */
    CURSOR_SECONDS = 600,    /* how long a token is good */
    CURSOR_SID_LEN = 22,
    CURSOR_SESSION_LEN = 43,
    CURSOR_GUEST_LEN = 16,
    CURSOR_EPOCH_LEN = 16,
    CURSOR_TOPIC_MAX = 80, /* bytes */
    CURSOR_REF_MAX = 64,   /* bytes of a join_ref or ref: 1 to so many, no NUL */
};

/* The purpose under which tokens are signed (web/secret.h). */
#define CURSOR_PURPOSE "live poll cursor"

struct cursor_topic {
    struct text topic;    /* "room:lobby" */
    struct text join_ref; /* .at is NULL for null */
    int64_t room_id;
    int64_t rev;   /* told up to here */
    uint32_t list; /* presence_version of who was said to be here; 0: nothing was said */
};

struct cursor {
    char sid[CURSOR_SID_LEN + 1];         /* the mailbox's name, and what its doorbell carries */
    char session[CURSOR_SESSION_LEN + 1]; /* hash of the session's or API token; empty: a guest's */
    char guest[CURSOR_GUEST_LEN + 1];     /* public id of a guest; empty: a session's */
    bool from_cookie;                     /* the credentials came as a cookie, so each poll must come with it */
    int64_t issued_at, expires_at;        /* seconds since 1970 */
    char epoch[CURSOR_EPOCH_LEN + 1];
    int64_t position;            /* in the mailbox: taken up to here */
    int64_t events;              /* when it was told last who is here: seconds since 1970, or 0 */
    struct cursor_topic *topics; /* at most CHANNEL_JOINS_MAX, no two of one name */
    size_t count, size;
};

/* The start of a poll: a new sid, no topics, the given epoch (16 hex digits). To be given an owner before it is signed.
 */
struct cursor cursor_new(const char *epoch);

/* It belongs to whoever asks: the scope's session, or else its guest, who must have an id. */
void cursor_own(struct cursor *, const struct scope *, bool from_cookie);

/* Does it belong to whoever asks? Compared in constant time. */
bool cursor_owned(const struct cursor *, const struct scope *);

/* Sign it anew, good from now (seconds since 1970) for CURSOR_SECONDS. The token lives in the arena. */
struct text cursor_token(const struct config *, struct arena *, struct cursor *, int64_t now);

/* True only if all of it holds: size, signature by one of our keys, shape to the last byte, time. *out lives in the
 * arena. */
bool cursor_read(const struct config *, struct arena *, struct text token, int64_t now, struct cursor *out)
    __attribute__((warn_unused_result));

/* A copy whose topics can be changed without changing the other's. Texts are shared. */
struct cursor cursor_copy(struct arena *, const struct cursor *);

/* The topic of that name, or of that room, or NULL. */
struct cursor_topic *cursor_find(const struct cursor *, struct text topic);
struct cursor_topic *cursor_find_room(const struct cursor *, int64_t room_id);

/* Could a topic of that name be joined besides the others (and in place of one with its name), whatever their counters
 * come to? */
bool cursor_fits(const struct cursor *, struct text topic, struct text join_ref);

/* Add a topic that fits and whose name is not there. Texts are copied into the arena. */
void cursor_join(struct arena *, struct cursor *, const struct cursor_topic *);

/* Take a topic out; the others keep their order. */
void cursor_leave(struct cursor *, struct cursor_topic *);

#endif
