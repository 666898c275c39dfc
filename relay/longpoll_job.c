#include "relay/longpoll_job.h"

#include "base/arena.h"
#include "base/clock.h"
#include "live/poll.h"
#include "relay/peer.h"
#include "relay/relay.h"
#include "relay/sessions.h"
#include "relay/upgrade.h"

enum { DRAINS_MOST = 4 };

/* --- on a worker --- */

static void say(struct get_job *get, int status, const char *reason)
{
    get->answer = (struct longpoll_answer){ .status = status, .reason = reason };
}

static void say_poll(struct get_job *get, const struct scope *scope, int status, struct cursor *cursor,
                     const struct poll *poll)
{
    struct buffer json = buffer_new(POLL_ANSWER_MAX);
    poll_answer(&json, status, cursor_token(scope->config, scope->arena, cursor, scope->now / 1000000), poll);
    say(get, json.full ? 500 : status, json.full ? "answer too long" : "poll");
    if (!json.full)
        get->answer.json = text_copy(get->job.arena, buffer_view(&json));
    buffer_free(&json);
}

/* None of what was read is said: only that the session has ended, and why. */
static void say_ended(struct get_job *get, const struct scope *scope, const struct poll_asker *asker)
{
    struct poll *poll = poll_new(get->job.arena, &asker->cursor);
    poll_asker_tell(asker, poll);
    say_poll(get, scope, 200, &poll->cursor, poll);
}

/* Until there is something to say, or nothing is left. */
static enum outcome drain(const struct scope *scope, const struct view *view, struct poll *poll)
{
    enum outcome outcome = poll_drain(scope, view, poll);
    for (int i = 1; outcome == DONE && !poll->count && poll->more && i < DRAINS_MOST; i++)
        outcome = poll_drain(scope, view, poll);
    return outcome;
}

/* False: it has been answered. */
static bool check(struct get_job *get, struct scope *scope)
{
    get->asker = get->read;
    scope->guest = get->guest;
    scope->address = get->address;
    if (poll_asker_check(scope, &get->asker) != DONE)
        say(get, 503, "database away");
    else if (get->asker.verdict == POLL_ENDED)
        say_ended(get, scope, &get->asker);
    else if (get->asker.verdict != POLL_WELCOME)
        say(get, 403, get->asker.reason);
    else
        return true;
    return false;
}

static void get_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct get_job *get = (struct get_job *)job;
    if (!check(get, scope))
        return;
    if (!get->read.begun) {
        say_poll(get, scope, 410, &get->asker.cursor, NULL);
        return;
    }
    struct poll *poll = poll_new(get->job.arena, &get->asker.cursor);
    if (drain(scope, view, poll) != DONE) {
        say(get, 503, "database away");
    } else if (!poll->count) {
        get->asker.cursor = poll->cursor;
        get->token = cursor_token(scope->config, scope->arena, &get->asker.cursor, scope->now / 1000000);
    } else if (check(get, scope)) {
        say_poll(get, scope, 200, &poll->cursor, poll);
    }
}

/* --- on the loop --- */

static struct get_job *get_new(struct peer *peer, void (*done)(struct job *))
{
    struct get_job *get = job_new(sizeof *get, get_work, done);
    get->peer = peer;
    get->address = text_of(peer->address);
    return get;
}

struct poll_came poll_came_copy(struct arena *arena, const struct poll_came *came)
{
    struct poll_came copy = *came;
    copy.credentials.cookie = text_copy(arena, came->credentials.cookie);
    copy.credentials.bearer = text_copy(arena, came->credentials.bearer);
    copy.csrf = text_copy(arena, came->csrf);
    return copy;
}

struct get_job *get_job_new(struct peer *peer, const struct upgrade *upgrade, void (*done)(struct job *))
{
    struct get_job *get = get_new(peer, done);
    struct arena *arena = get->job.arena;
    struct scope scope = { .arena = arena, .config = peer->relay->config, .now = clock_now() };
    struct poll_came came = poll_came_copy(arena, &upgrade->poll.came);
    poll_asker_read(&came, &scope, &get->read);
    get->guest = scope.guest;
    return get;
}

struct get_job *get_job_again(struct peer *peer, struct text token, void (*done)(struct job *))
{
    struct get_job *get = get_new(peer, done);
    const struct live_session *live = peer->session;
    get->read = (struct poll_asker){ .verdict = POLL_WELCOME, .begun = true };
    if (!cursor_read(peer->relay->config, get->job.arena, token, clock_now() / 1000000, &get->read.cursor)) {
        job_drop(&get->job);
        return NULL;
    }
    if (!live) {
        get->guest = text_of(get->read.cursor.guest);
        return get;
    }
    session_named(&get->read.session, text_of(live->hash), live->context);
    get->read.session.sub = text_of(live->sub);
    get->read.session.from_cookie = false; /* its CSRF token has been seen */
    return get;
}

void get_job_register(struct peer *peer, const struct poll_asker *read)
{
    const struct session *session = &read->session;
    if (session->state == SESSION_CLAIMED)
        peer->session = sessions_join(peer->relay->sessions, session->hash, session->sub, session->context, peer);
}
