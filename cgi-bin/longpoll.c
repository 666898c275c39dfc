/* The stand-in for the relay's long poll (WIRE-PROTOCOL 6 and 7): for hosts without a daemon, and while the relay is
 * down. The status of the protocol stands in the answer's JSON; that of HTTP is always 200. */
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/utf8.h"
#include "cgi-bin/ears.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/handle.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/places.h"
#include "cgi-bin/prefork.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "cgi-bin/worker.h"
#include "live/poll.h"
#include "live/poll_asker.h"

/* Where bells cannot be heard, one look in so long. */
enum { LOOK_US = 1000000, HEADERS_MOST = 1000 };

/* What the protocol calls its statuses. */
enum { ANSWERED = 200, NOTHING_CAME = 204, REFUSED = 403, BEGUN = 410, TOKEN_UNKNOWN = 410, TRY_AGAIN = 500 };

/* --- answering --- */

static void answer(struct request *request, int status, struct cursor *cursor, const struct poll *poll)
{
    struct scope *scope = &request->scope;
    struct text token = TEXT("");
    if (cursor)
        token = cursor_token(scope->config, scope->arena, cursor, clock_now() / 1000000);
    answer_header(&request->answer, "Content-Type", TEXT("application/json; charset=utf-8"));
    request->answer.body.limit = POLL_ANSWER_MAX;
    poll_answer(&request->answer.body, status, token, poll);
}

static void answer_poll(struct request *request, int status, struct poll *poll)
{
    answer(request, status, &poll->cursor, poll);
}

static void answer_bare(struct request *request, int status, const char *reason)
{
    log_event(LOG_INFO, "poll refused", LOG_S("request", request->id), LOG_N("poll_status", status),
              LOG_S("reason", reason));
    answer(request, status, NULL, NULL);
}

/* None of what was read is said: only that the session has ended, and why. */
static void answer_ended(struct request *request, const struct poll_asker *asker)
{
    struct poll *poll = poll_new(request->scope.arena, &asker->cursor);
    poll_asker_tell(asker, poll);
    answer_poll(request, ANSWERED, poll);
}

static void refuse(struct request *request, const struct poll_asker *asker)
{
    bool post = request->method == METHOD_POST;
    if (asker->verdict == POLL_LOST)
        answer_bare(request, post ? TOKEN_UNKNOWN : TRY_AGAIN, asker->reason);
    else if (asker->verdict == POLL_ENDED && !post)
        answer_ended(request, asker);
    else
        answer_bare(request, REFUSED, asker->reason);
}

/* --- who asks --- */

static void read_asker(struct request *request, struct poll_asker *asker)
{
    struct gateway *gateway = request->gateway;
    struct poll_came came = { .credentials = { .cookie = gateway_variable(gateway, "HTTP_COOKIE"),
                                               .bearer = gateway_variable(gateway, "HTTP_X_PHOENIX_AUTHTOKEN") },
                              .token = form_value(&request->query, "token"),
                              .vsn = form_value(&request->query, "vsn"),
                              .csrf = form_value(&request->query, "_csrf_token"),
                              .origin = request->origin,
                              .fetch_site = request->fetch_site,
                              .post = request->method == METHOD_POST };
    if (!came.token.len)
        came.token = gateway_variable(gateway, "HTTP_X_PHOENIX_LONGPOLL_TOKEN");
    poll_asker_read(&came, &request->scope, asker);
}

/* --- a poll that is held --- */

struct hold {
    struct request *request;
    const struct poll_asker *read; /* as it came, to be checked again */
    struct poll_asker asker;       /* as it was checked last */
    struct poll *poll;
    int64_t until; /* clock_steady of the window's end */
    bool broken;
};

/* Does the session still hold? */
static bool check(struct hold *hold, struct scope *scope)
{
    hold->asker = *hold->read;
    hold->broken = hold->broken || poll_asker_check(scope, &hold->asker) != DONE;
    return !hold->broken && hold->asker.verdict == POLL_WELCOME;
}

/* Read what there is. Whatever is told was read while the session still held, as the second look says. */
static bool look(struct hold *hold, struct scope *scope, bool first)
{
    if (!first && !check(hold, scope))
        return true;
    if (poll_drain(scope, hold->request->view, hold->poll) != DONE)
        hold->broken = true;
    if (hold->broken)
        return true;
    if (!hold->poll->count)
        return false;
    (void)check(hold, scope);
    return true;
}

/* The same with memory of its own, which a long wait with many bells does not pile up. */
static bool look_again(struct hold *hold)
{
    struct scope scope = hold->request->scope;
    struct arena *arena = arena_new();
    scope.arena = arena;
    bool over = look(hold, &scope, false);
    arena_free(&arena);
    return over;
}

static int client_of(const struct request *request)
{
    return request->gateway->fastcgi ? request->gateway->fastcgi->ipcFd : STDOUT_FILENO;
}

/* Wait until there is something to say, or the time is up, or nobody waits for the answer any more, or we are to end.
 * At the end of the window it looks in any case: bells can be lost, and what is written by hand has none. */
static void wait_for_news(struct hold *hold)
{
    struct request *request = hold->request;
    struct ears *ears = request->house->ears;
    for (int64_t looked = clock_steady(); clock_steady() < hold->until;) {
        int64_t next = ears_sure(ears) || looked + LOOK_US > hold->until ? hold->until : looked + LOOK_US;
        unsigned heard = ears_wait(ears, &request->scope, &hold->poll->cursor, client_of(request), next);
        if ((heard & EARS_GONE) || worker_stopping())
            return;
        if (!heard && clock_steady() < next) /* now it is sure */
            continue;
        looked = clock_steady();
        if (look_again(hold))
            return;
    }
}

static void say(struct hold *hold)
{
    struct request *request = hold->request;
    if (hold->broken)
        answer_bare(request, TRY_AGAIN, "database away");
    else if (hold->asker.verdict != POLL_WELCOME)
        refuse(request, &hold->asker);
    else
        answer_poll(request, hold->poll->count || worker_stopping() ? ANSWERED : NOTHING_CAME, hold->poll);
}

static void hold_poll(struct request *request, const struct poll_asker *read, const struct poll_asker *checked,
                      int64_t began)
{
    struct hold hold = { .request = request, .read = read, .asker = *checked };
    struct places *places = request->house->places;
    hold.until = began + request->scope.config->relay_poll_window_ms * 1000;
    hold.poll = poll_new(request->scope.arena, &checked->cursor);
    if (look(&hold, &request->scope, true)) {
        say(&hold);
    } else if (!places_take(places)) {
        answer_bare(request, TRY_AGAIN, "too many polls");
    } else {
        prefork_wake();
        wait_for_news(&hold);
        places_give(places);
        say(&hold);
    }
}

/* --- what can be asked --- */

/* A client that is let in comes back at once with a poll to be held: where that could not be, it is not let in, and
 * waits longer each time. */
void longpoll_show(struct request *request)
{
    int64_t began = clock_steady();
    struct poll_asker read, asker;
    if (request->head) {
        problem_status(request, 405);
        answer_header(&request->answer, "Allow", TEXT("GET, POST, OPTIONS"));
        return;
    }
    read_asker(request, &read);
    asker = read;
    if (!read.begun && !places_left(request->house->places)) {
        answer_bare(request, TRY_AGAIN, "too many polls");
        return;
    }
    if (read.begun)
        ears_open(request->house->ears); /* before the session is looked at, and the rooms */
    if (poll_asker_check(&request->scope, &asker) != DONE)
        answer_bare(request, TRY_AGAIN, "database away");
    else if (asker.verdict != POLL_WELCOME)
        refuse(request, &asker);
    else if (asker.begun)
        hold_poll(request, &read, &asker, began);
    else
        answer(request, BEGUN, &asker.cursor, NULL);
}

void longpoll_create(struct request *request)
{
    struct poll_asker asker;
    struct text body;
    read_asker(request, &asker);
    if (poll_asker_check(&request->scope, &asker) != DONE)
        answer_bare(request, TRY_AGAIN, "database away");
    else if (asker.verdict != POLL_WELCOME)
        refuse(request, &asker);
    else if (request_read_body(request, NULL, POLL_BODY_MAX, &body) != 0)
        answer_bare(request, TRY_AGAIN, "body");
    else if (poll_post(&request->scope, request->view, &asker.cursor, body) == DONE)
        answer(request, ANSWERED, NULL, NULL);
    else
        answer_bare(request, TRY_AGAIN, "not done");
}

/* What another site may send: nothing. Our own may always. */
void longpoll_options(struct request *request)
{
    struct answer *answer = &request->answer;
    struct text headers = gateway_variable(request->gateway, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS");
    answer_header(answer, "Vary", TEXT("Origin, Access-Control-Request-Headers"));
    if (!text_equal(request->origin, request->scope.config->origin))
        return;
    answer_header(answer, "Access-Control-Allow-Origin", request->origin);
    answer_header(answer, "Access-Control-Allow-Methods", TEXT("GET, POST, OPTIONS"));
    answer_header(answer, "Access-Control-Max-Age", TEXT("3600"));
    if (headers.len && headers.len < HEADERS_MOST && !utf8_has_control(headers))
        answer_header(answer, "Access-Control-Allow-Headers", headers);
}
