/* POSTs of the long poll: the body, then what it says is done on a worker. In which order a client's POSTs are done is
 * the client's matter: it waits for the answer to one before it sends the next. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/must.h"
#include "live/poll.h"
#include "relay/addresses.h"
#include "relay/held.h"
#include "relay/longpoll.h"
#include "relay/longpoll_answer.h"
#include "relay/longpoll_job.h"
#include "relay/peer.h"
#include "relay/phoenix.h"
#include "relay/pool.h"
#include "relay/relay.h"
#include "relay/sessions.h"
#include "relay/upgrade.h"

/* Of all bodies that are arriving: what a slow network holds up is bounded. */
enum { BODIES_MAX = 64 * 1024 * 1024, BODY_FIRST = 4096 };

struct post_job {
    struct job job;
    struct peer *peer; /* busy, so it is there */
    struct poll_asker asker;
    struct text guest, address;
    struct text body;
    bool from_ours;
    struct longpoll_answer answer;
};

/* A POST whose body is arriving, or is being done. */
struct post {
    struct held held;
    struct post_job *waiting; /* for its body; ours until it is submitted */
    char *body;
    size_t len, size, expected;
};

static struct post *post_of(const struct peer *peer)
{
    return (struct post *)peer->held;
}

/* --- on a worker --- */

static void post_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct post_job *post = (struct post_job *)job;
    scope->guest = post->guest;
    scope->address = post->address;
    enum outcome outcome = poll_asker_check(scope, &post->asker);
    if (outcome == DONE && post->asker.verdict != POLL_WELCOME) {
        post->answer = (struct longpoll_answer){ .status = 403, .reason = post->asker.reason };
        return;
    }
    if (outcome == DONE)
        outcome = poll_post(scope, view, &post->asker.cursor, post->body);
    switch (outcome) {
    case DONE: post->answer = (struct longpoll_answer){ .status = 200, .reason = "posted" }; break;
    case BROKEN: post->answer = (struct longpoll_answer){ .status = 503, .reason = "database away" }; break;
    case LIMITED: post->answer = (struct longpoll_answer){ .status = 500, .reason = "mailbox full" }; break;
    default: post->answer = (struct longpoll_answer){ .status = 500, .reason = "no Phoenix messages" }; break;
    }
}

/* --- out and back --- */

static void post_done(struct job *job)
{
    struct post_job *post = (struct post_job *)job;
    struct peer *peer = post->peer;
    peer->busy--;
    if (peer->session && post->asker.session.state == SESSION_USER)
        sessions_verified(peer->session, post->asker.session.expires_at, relay_now(peer->relay));
    if (peer->state == PEER_JUDGED)
        longpoll_answer(peer, &post->answer, post->from_ours);
    phoenix_settled(peer);
}

static void forget(struct peer *peer)
{
    struct post *post = post_of(peer);
    peer->relay->body_bytes -= post->size;
    if (post->waiting)
        job_drop(&post->waiting->job);
    free(post->body);
    free(post);
}

static void submit(struct peer *peer)
{
    struct post *post = post_of(peer);
    struct post_job *job = post->waiting;
    post->waiting = NULL;
    job->body = text_copy(job->job.arena, (struct text){ post->body, post->len });
    free(post->body);
    post->body = NULL;
    peer->relay->body_bytes -= post->size;
    post->size = 0;
    peer->state = PEER_JUDGED;
    peer->busy++;
    peer_update(peer);
    pool_submit(peer->relay->pool, &job->job);
}

/* --- the body --- */

/* Memory is taken as bytes arrive, never as a length promises them. */
static bool grow(struct peer *peer, struct post *post, size_t len)
{
    size_t size = post->size ? post->size : BODY_FIRST;
    while (size < len)
        size *= 2;
    size = size < post->expected ? size : post->expected;
    if (size <= post->size)
        return true;
    if (peer->relay->body_bytes + (size - post->size) > BODIES_MAX)
        return false;
    peer->relay->body_bytes += size - post->size;
    post->size = size;
    post->body = realloc(post->body, size);
    must(post->body != NULL);
    return true;
}

static void came(struct peer *peer, const char *bytes, size_t len)
{
    struct post *post = post_of(peer);
    if (len > post->expected - post->len) {
        longpoll_refuse(peer, 500, "more than its length");
    } else if (!grow(peer, post, post->len + len)) {
        longpoll_refuse(peer, 500, "too many bodies");
    } else {
        if (len)
            memcpy(post->body + post->len, bytes, len);
        post->len += len;
        if (post->len == post->expected)
            submit(peer);
    }
}

/* --- the beginning --- */

static const struct held_kind kind = { .came = came, .forget = forget };

/* NULL, or why not. */
static const char *read_post(struct peer *peer, struct post_job *job, const struct upgrade *upgrade, int *status)
{
    const struct config *config = peer->relay->config;
    struct arena *arena = job->job.arena;
    struct scope scope = { .arena = arena, .config = config, .now = clock_now() };
    struct poll_came came = poll_came_copy(arena, &upgrade->poll.came);
    poll_asker_read(&came, &scope, &job->asker);
    job->guest = scope.guest;
    job->address = text_of(peer->address);
    *status = job->asker.verdict == POLL_LOST ? 410 : 403;
    if (job->asker.verdict != POLL_WELCOME)
        return job->asker.reason;
    *status = 500;
    /* A client has its GET besides. */
    if (!peer_count(peer, 2 * (size_t)config->relay_max_per_address))
        return "too many of this address";
    get_job_register(peer, &job->asker);
    return NULL;
}

void longpoll_post(struct peer *peer, const struct upgrade *upgrade, struct text begun)
{
    struct post *post = calloc(1, sizeof *post);
    struct post_job *job = job_new(sizeof *job, post_work, post_done);
    int status;
    must(post != NULL);
    post->held.kind = &kind;
    post->waiting = job;
    post->expected = upgrade->poll.body;
    job->peer = peer;
    job->from_ours = upgrade->poll.from_ours;
    peer->held = &post->held;
    const char *refused = read_post(peer, job, upgrade, &status);
    if (refused) {
        longpoll_refuse(peer, status, refused);
        return;
    }
    peer->state = PEER_BODY;
    came(peer, begun.at, begun.len);
    peer_update(peer);
}
