#include "relay/ending.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/must.h"
#include "chat/scope.h"
#include "chat/token.h"
#include "relay/peer.h"
#include "relay/phoenix.h"
#include "relay/pool.h"
#include "relay/relay.h"
#include "relay/sessions.h"
#include "relay/source.h"

enum { LOOK_MOST = 128, LOOK_AGAIN_MS = 5 * 60 * 1000 };

struct ending {
    int64_t position;
    char epoch[ENDING_EPOCH_SIZE]; /* empty: no position */
    int64_t clock, clock_at;       /* the database's, in seconds, and relay_now then */
    bool looking;
};

struct ending *ending_new(void)
{
    struct ending *ending = calloc(1, sizeof *ending);
    must(ending != NULL);
    return ending;
}

void ending_free(struct ending **ending)
{
    free(*ending);
    *ending = NULL;
}

/* --- the log, on a worker --- */

void ending_ask(const struct ending *ending, struct ending_read *out)
{
    *out = (struct ending_read){ .to = ending->position };
    memcpy(out->epoch, ending->epoch, sizeof out->epoch);
}

/* An arena keeps what was outgrown, so the room doubles each time. */
static void make_room(struct arena *arena, struct ending_read *read, size_t wanted)
{
    if (wanted <= read->size)
        return;
    size_t size = wanted > 2 * read->size ? wanted : 2 * read->size;
    struct revocation *items = arena_array(arena, size, sizeof *items);
    if (read->count)
        memcpy(items, read->items, read->count * sizeof *items);
    read->items = items;
    read->size = size;
}

static void append(struct arena *arena, struct ending_read *read, const struct revocations *part)
{
    make_room(arena, read, read->count + part->count);
    if (part->count)
        memcpy(read->items + read->count, part->items, part->count * sizeof *read->items);
    read->count += part->count;
}

/* The log can not be followed: begin anew from what the counter is now. */
static void begin_anew(struct ending_read *read, const struct revocations *part, const char *epoch)
{
    must(strlen(epoch) < sizeof read->epoch);
    memcpy(read->epoch, epoch, strlen(epoch) + 1);
    read->lost = true;
    read->to = part->last;
    read->count = 0;
}

enum outcome ending_follow(const struct scope *scope, struct ending_read *read, const char *epoch)
{
    bool more = true;
    while (more) {
        struct revocations part;
        if (revocations_read(scope, read->to, &part) != DONE)
            return BROKEN;
        more = false;
        if (strcmp(read->epoch, epoch) != 0 || part.last < read->to || part.swept > read->to) {
            begin_anew(read, &part, epoch);
        } else if (part.count) {
            append(scope->arena, read, &part);
            more = part.count == REVOCATIONS_MOST;
            read->to = more ? part.items[part.count - 1].id : part.last;
        }
        read->now = part.now;
        read->done = true;
    }
    return DONE;
}

/* --- applying --- */

void ending_session(struct relay *relay, struct live_session *session, const char *reason)
{
    if (session->state != SESSION_LIVE)
        return;
    sessions_end(relay->sessions, session, SESSION_ENDED);
    log_event(LOG_INFO, "session ended", LOG_S("user", session->sub), LOG_S("reason", reason),
              LOG_N("peers", session->peer_count));
    for (uint32_t i = 0; i < session->peer_count; i++) /* they leave it when the turn ends */
        phoenix_session_ended(session->peers[i], reason, NULL);
}

static void apply(struct relay *relay, const struct revocation *revocation)
{
    struct live_session *session = sessions_find(relay->sessions, revocation->hash, NULL), *next;
    const char *reason = token_end_known(revocation->reason);
    for (; session; session = next) {
        next = sessions_find(relay->sessions, revocation->hash, session);
        if (revocation->over)
            ending_session(relay, session, reason);
        else
            session->expires_at = revocation->ends_at;
    }
}

static void send_members_away(struct relay *relay)
{
    struct live_session *session = sessions_first(relay->sessions);
    if (session)
        log_event(LOG_WARN, "members sent away", LOG_N("sessions", sessions_count(relay->sessions)));
    for (struct live_session *next; session; session = next) {
        next = session->next;
        sessions_end(relay->sessions, session, SESSION_UNSURE);
        for (uint32_t i = 0; i < session->peer_count; i++) {
            struct peer *peer = session->peers[i];
            if (peer_established(peer)) /* what is still being verified is refused by that */
                peer_cut(peer, 1013, "sessions unknown");
        }
    }
}

void ending_apply(struct relay *relay, const struct ending_read *read)
{
    struct ending *ending = relay->ends;
    if (!read->done)
        return;
    if (read->lost)
        send_members_away(relay);
    for (size_t i = 0; i < read->count; i++)
        apply(relay, &read->items[i]);
    ending->position = read->to;
    memcpy(ending->epoch, read->epoch, sizeof ending->epoch);
    ending->clock = read->now;
    ending->clock_at = relay_now(relay);
}

/* --- looking again --- */

/* The source's worker does it, in turn with the reads: so what it brings is newer than the ends that were read before,
 * and older than those that are read after. */
struct look_job {
    struct job job;
    struct relay *relay;
    struct text *hashes;
    size_t count, found;
    struct token *tokens;
    const char **reasons; /* of those that do not hold */
    enum outcome outcome;
};

static const struct token *token_of(const struct look_job *look, struct text hash)
{
    for (size_t i = 0; i < look->found; i++)
        if (text_equal(look->tokens[i].hash, hash))
            return &look->tokens[i];
    return NULL;
}

static void look_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct look_job *look = (struct look_job *)job;
    int64_t *seen = arena_array(job->arena, look->count, sizeof *seen);
    size_t seen_count = 0;
    (void)view;
    look->tokens = arena_array(job->arena, look->count, sizeof *look->tokens);
    look->outcome = token_find_many(scope, look->hashes, look->count, look->tokens, &look->found);
    for (size_t i = 0; look->outcome == DONE && i < look->count; i++)
        if (!token_of(look, look->hashes[i]) && !(look->reasons[i] = token_end_reason(scope, look->hashes[i])))
            look->outcome = BROKEN;
    for (size_t i = 0; look->outcome == DONE && i < look->found; i++)
        if (look->tokens[i].sight_due)
            seen[seen_count++] = look->tokens[i].id;
    if (seen_count)
        token_still_open(scope, seen, seen_count);
}

static void look_at(struct look_job *look, struct live_session *session, const struct token *token, const char *reason)
{
    bool another = token && session->sub[0] && !text_is(token->userid, session->sub);
    if (!token || token->context != session->context || another) {
        ending_session(look->relay, session, token ? token_end_name(TOKEN_REVOKED) : reason);
        return;
    }
    session->expires_at = token->expires_at;
    session->looked_at = relay_now(look->relay);
}

static void look_again(struct relay *relay);

static void look_done(struct job *job)
{
    struct look_job *look = (struct look_job *)job;
    struct sessions *sessions = look->relay->sessions;
    look->relay->ends->looking = false;
    if (look->outcome != DONE)
        return;
    for (size_t i = 0; i < look->count; i++) {
        const struct token *token = token_of(look, look->hashes[i]);
        struct live_session *session = sessions_find(sessions, look->hashes[i], NULL), *next;
        for (; session; session = next) {
            next = sessions_find(sessions, look->hashes[i], session);
            look_at(look, session, token, look->reasons[i]);
        }
    }
    if (look->count == LOOK_MOST)
        look_again(look->relay);
}

static bool due(const struct live_session *session, int64_t clock, int64_t now)
{
    return session->expires_at && (session->expires_at <= clock || now - session->looked_at >= LOOK_AGAIN_MS);
}

static void look_again(struct relay *relay)
{
    struct ending *ending = relay->ends;
    struct look_job *look = NULL;
    int64_t now = relay_now(relay), clock = ending->clock + (now - ending->clock_at) / 1000;
    if (ending->looking || !ending->epoch[0] || !source_connected_since(relay->source))
        return;
    for (struct live_session *session = sessions_first(relay->sessions); session; session = session->next) {
        if (!due(session, clock, now))
            continue;
        if (!look) {
            look = job_new(sizeof *look, look_work, look_done);
            look->relay = relay;
            look->hashes = arena_array(look->job.arena, LOOK_MOST, sizeof *look->hashes);
            look->reasons = arena_array(look->job.arena, LOOK_MOST, sizeof *look->reasons);
        }
        look->hashes[look->count++] = text_copy(look->job.arena, text_of(session->hash));
        if (look->count == LOOK_MOST)
            break;
    }
    if (!look)
        return;
    ending->looking = true;
    source_submit(relay->source, &look->job);
}

void ending_tick(struct relay *relay)
{
    look_again(relay);
}
