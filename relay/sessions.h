/* Which sessions are here: each that a peer came with, known by the hash of its token, and the peers of it. No I/O and
 * no database. Loop thread only, but that a worker may read hash, sub and context of a session while a job of one of
 * its peers is out: they never change. Guests have no session. */
#ifndef CONFAB_RELAY_SESSIONS_H
#define CONFAB_RELAY_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "chat/token.h"

struct sessions;

struct live_session {
    struct live_session *next, *prev;  /* all that are live */
    struct live_session *next_of_hash; /* of the same bucket */
    void **peers;
    uint32_t peer_count, peer_size;
    int64_t expires_at; /* seconds since 1970 by the database's clock; 0: nobody has asked for its row yet */
    int64_t looked_at;  /* the row, relay_now */
    enum token_context context;
    enum { SESSION_LIVE, SESSION_ENDED, SESSION_UNSURE } state; /* there is no way back */
    char hash[TOKEN_HASH_LEN + 1];
    char sub[]; /* the userid that its token names; empty: a poll's token names it by its hash alone */
};

struct sessions *sessions_new(void) __attribute__((warn_unused_result, returns_nonnull));
/* All peers must have left. */
void sessions_free(struct sessions **);

/* Register a peer with the live session that its token names, which begins with its first peer. (A token of the same
 * hash that names somebody else, or is of another kind, is another session here: what does not hold must not stand for
 * what does.) The hash must have TOKEN_HASH_LEN bytes. */
struct live_session *sessions_join(struct sessions *, struct text hash, struct text sub, enum token_context, void *peer)
    __attribute__((returns_nonnull));

/* Forget a peer; a session without peers is forgotten too. Clears the caller's pointer, which may be NULL. */
void sessions_leave(struct sessions *, struct live_session **, void *peer);

/* It is not live any more (SESSION_ENDED), or must show anew that it is (SESSION_UNSURE): found by nobody from now on,
 * and there as long as its peers. */
void sessions_end(struct sessions *, struct live_session *, int state);

/* A live one of that hash, after the one that was found before (NULL: the first). Or NULL. */
struct live_session *sessions_find(const struct sessions *, struct text hash, const struct live_session *after);

/* The first of all that are live, or NULL. */
struct live_session *sessions_first(const struct sessions *);
size_t sessions_count(const struct sessions *);

/* Its row was read by a peer's verification, which may be older than news that came meanwhile: an earlier end wins. */
void sessions_verified(struct live_session *, int64_t expires_at, int64_t now);

#endif
