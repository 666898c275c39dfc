#include "relay/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { FIRST_BUCKETS = 64 };

struct sessions {
    struct live_session *first;
    size_t count, buckets; /* buckets is a power of two */
    struct live_session **by_hash;
};

static struct live_session **buckets_new(size_t count)
{
    struct live_session **buckets = calloc(count, sizeof(struct live_session *));
    must(buckets != NULL);
    return buckets;
}

struct sessions *sessions_new(void)
{
    struct sessions *sessions = calloc(1, sizeof *sessions);
    must(sessions != NULL);
    sessions->buckets = FIRST_BUCKETS;
    sessions->by_hash = buckets_new(FIRST_BUCKETS);
    return sessions;
}

void sessions_free(struct sessions **sessions)
{
    if (!*sessions)
        return;
    must((*sessions)->first == NULL);
    free((*sessions)->by_hash);
    free(*sessions);
    *sessions = NULL;
}

/* A hash is one of SHA-256 of what we drew: any eight bytes of it are as good as others, and nobody can choose them. */
static struct live_session **bucket_of(const struct sessions *sessions, const char *hash)
{
    uint64_t bytes;
    memcpy(&bytes, hash, sizeof bytes);
    return &sessions->by_hash[(bytes * 11400714819323198485u >> 32) & (sessions->buckets - 1)];
}

static void index_hash(struct sessions *sessions, struct live_session *session)
{
    struct live_session **bucket = bucket_of(sessions, session->hash);
    session->next_of_hash = *bucket;
    *bucket = session;
}

static void grow(struct sessions *sessions)
{
    free(sessions->by_hash);
    sessions->buckets *= 2;
    sessions->by_hash = buckets_new(sessions->buckets);
    for (struct live_session *session = sessions->first; session; session = session->next)
        index_hash(sessions, session);
}

struct live_session *sessions_find(const struct sessions *sessions, struct text hash, const struct live_session *after)
{
    if (hash.len != TOKEN_HASH_LEN)
        return NULL;
    struct live_session *session = after ? after->next_of_hash : *bucket_of(sessions, hash.at);
    while (session && memcmp(session->hash, hash.at, TOKEN_HASH_LEN) != 0)
        session = session->next_of_hash;
    return session;
}

static struct live_session *begin(struct sessions *sessions, struct text hash, struct text sub,
                                  enum token_context context)
{
    struct live_session *session = calloc(1, sizeof *session + sub.len + 1);
    must(session != NULL);
    memcpy(session->hash, hash.at, TOKEN_HASH_LEN);
    if (sub.len)
        memcpy(session->sub, sub.at, sub.len);
    session->context = context;
    session->next = sessions->first;
    if (session->next)
        session->next->prev = session;
    sessions->first = session;
    if (++sessions->count > sessions->buckets)
        grow(sessions);
    else
        index_hash(sessions, session);
    return session;
}

static void add_peer(struct live_session *session, void *peer)
{
    if (session->peer_count == session->peer_size) {
        session->peer_size = session->peer_size ? session->peer_size * 2 : 1; /* most have one tab */
        session->peers = reallocarray(session->peers, session->peer_size, sizeof(void *));
        must(session->peers != NULL);
    }
    session->peers[session->peer_count++] = peer;
}

struct live_session *sessions_join(struct sessions *sessions, struct text hash, struct text sub,
                                   enum token_context context, void *peer)
{
    must(hash.len == TOKEN_HASH_LEN);
    struct live_session *session = sessions_find(sessions, hash, NULL);
    while (session && (session->context != context || !text_is(sub, session->sub)))
        session = sessions_find(sessions, hash, session);
    if (!session)
        session = begin(sessions, hash, sub, context);
    add_peer(session, peer);
    return session;
}

void sessions_end(struct sessions *sessions, struct live_session *session, int state)
{
    if (session->state != SESSION_LIVE)
        return;
    session->state = state;
    struct live_session **at = bucket_of(sessions, session->hash);
    while (*at != session)
        at = &(*at)->next_of_hash;
    *at = session->next_of_hash;
    if (session->next)
        session->next->prev = session->prev;
    *(session->prev ? &session->prev->next : &sessions->first) = session->next;
    sessions->count--;
}

void sessions_leave(struct sessions *sessions, struct live_session **leaving, void *peer)
{
    struct live_session *session = *leaving;
    uint32_t i = 0;
    if (!session)
        return;
    while (session->peers[i] != peer)
        must(++i < session->peer_count);
    session->peers[i] = session->peers[--session->peer_count];
    *leaving = NULL;
    if (session->peer_count)
        return;
    sessions_end(sessions, session, SESSION_ENDED);
    free(session->peers);
    free(session);
}

struct live_session *sessions_first(const struct sessions *sessions)
{
    return sessions->first;
}

size_t sessions_count(const struct sessions *sessions)
{
    return sessions->count;
}

void sessions_verified(struct live_session *session, int64_t expires_at, int64_t now)
{
    session->looked_at = now;
    if (!session->expires_at || expires_at < session->expires_at)
        session->expires_at = expires_at;
}
