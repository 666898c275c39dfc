/* fields: email, password, remember_me, return_to (log_in_create); return_to (log_in_show) */
#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/must.h"
#include "base/utf8.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/page.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "chat/needs.h"
#include "chat/user.h"
#include "web/return_to.h"

/* Where it shall go on, or nothing: whatever else somebody put there. */
static struct text return_to(const struct request *request, const struct form *form)
{
    struct text to = form_value(form, "return_to");
    return return_to_valid(request->scope.config, request->scope.arena, to) ? to : TEXT("");
}

/* What stands in the field: what was typed; whose session it is, who signs in again. */
static enum outcome email_shown(struct request *request, bool typed, struct text *email)
{
    struct user user;
    *email = typed ? utf8_first(request->scope.arena, form_value(&request->body, "email"), USER_EMAIL_MAX) : TEXT("");
    if (request->session.state != SESSION_USER)
        return DONE;
    enum outcome outcome = user_self(&request->scope, &user);
    if (outcome == DONE)
        *email = user.email;
    return outcome == BROKEN ? BROKEN : DONE;
}

static json_t *form_view(struct request *request, bool typed, struct text email, const char *sentence)
{
    struct text to = return_to(request, typed ? &request->body : &request->query);
    json_t *json = json_pack(
        "{s:s, s:o, s:b, s:b, s:b, s:o, s:o}", "action", request_path(request, "users/log-in"), "email",
        page_typed(request, email), "again", request->session.state == SESSION_USER, "filled", email.len > 0,
        "remember", typed && text_is(form_value(&request->body, "remember_me"), "on"), "return_to",
        to.len ? json_stringn(to.at, to.len) : json_null(), "error", sentence ? json_string(sentence) : json_null());
    must(json != NULL);
    return json;
}

/* The page with this status. typed: what came in the form is shown again, but never the password. */
static void show(struct request *request, int status, bool typed, const struct errors *errors)
{
    struct text email;
    if (request->wants_json && errors) {
        problem_errors(request, status, errors);
        return;
    }
    if (email_shown(request, typed, &email) != DONE) {
        problem_broken(request);
        return;
    }
    page_identify(request);
    json_t *data = page_data(request, request->session.state == SESSION_USER ? "Log in again" : "Log in");
    json_object_set_new(data, "form", form_view(request, typed, email, errors ? errors_first(errors, "form") : NULL));
    page_render(request, status, "users/log_in", data);
}

void log_in_show(struct request *request)
{
    bool member = request->session.state == SESSION_USER;
    if (member && needs_judge(&request->scope, NEEDS_RECENT) == ALLOWED)
        answer_redirect(&request->answer, 302, text_of(request_path(request, "%s", "")));
    else
        show(request, 200, false, NULL);
}

/* GET /login: to the external service, where there is one. There is none yet. */
void log_in_elsewhere(struct request *request)
{
    struct text to = text_percent_encode(request->scope.arena, return_to(request, &request->query));
    answer_redirect(&request->answer, 302,
                    text_of(request_path(request, "users/log-in%s%.*s", to.len ? "?return_to=" : "", TEXT_ARGS(to))));
}

/* For a page that could not connect, or comes back out of a cache. It sets no cookie: one that is just being replaced
 * would come back over its successor. Where it has been, the page has to ask once more, with that. */
void log_in_current(struct request *request)
{
    const struct text userid = request->scope.userid;
    if (session_just_replaced(&request->scope, &request->session)) {
        problem_show(request, 409, "There is a newer session in this browser.");
        return;
    }
    json_t *json = json_pack("{s:o}", "user", userid.len ? json_stringn(userid.at, userid.len) : json_null());
    char *text = json_dumps(json, JSON_COMPACT);
    must(json && text);
    answer_header(&request->answer, "Content-Type", TEXT("application/json; charset=utf-8"));
    buffer_string(&request->answer.body, text);
    free(text);
    json_decref(json);
}

static void log_outcome(const struct request *request, bool in)
{
    log_event(in ? LOG_INFO : LOG_WARN, in ? "signed in" : "sign-in refused", LOG_S("request", request->id),
              LOG_T("user", in ? request->scope.userid : TEXT("")), LOG_T("address", request->scope.address));
}

static void refuse(struct request *request, enum outcome outcome, struct errors *errors)
{
    struct arena *arena = request->scope.arena;
    log_outcome(request, false);
    if (outcome != LIMITED) {
        errors_add(errors, "form", "Invalid email or password");
        show(request, 422, true, errors);
        return;
    }
    const char *seconds = arena_printf(arena, "%d", errors->retry_after);
    errors_add(errors, "form",
               arena_printf(arena, "Those were too many tries. Please try again in %s second(s).", seconds));
    show(request, 429, true, errors);
    answer_header(&request->answer, "Retry-After", text_of(seconds));
}

static void welcome(struct request *request, struct text cookie)
{
    struct text to = return_to(request, &request->body);
    log_outcome(request, true);
    answer_header(&request->answer, "Set-Cookie", cookie);
    page_flash(request, FLASH_WELCOME);
    answer_redirect(&request->answer, 303, to.len ? to : text_of(request_path(request, "%s", "")));
}

void log_in_create(struct request *request)
{
    struct scope *scope = &request->scope;
    struct errors errors = { 0 };
    struct text kept, cookie, agent = gateway_variable(request->gateway, "HTTP_USER_AGENT");
    bool remember = text_is(form_value(&request->body, "remember_me"), "on");
    int64_t user_id;
    enum outcome outcome = user_by_password(scope, form_value(&request->body, "email"), TEXT(""),
                                            form_value(&request->body, "password"), &errors, &user_id, &kept);
    if (outcome == DONE) {
        if (request->session.state == SESSION_USER && scope->user_id == user_id)
            remember = request->session.token.remembered; /* the form to sign in again does not ask */
        outcome = session_start(scope, &request->session, user_id, kept, remember, agent, &cookie);
    }
    if (outcome == DONE)
        welcome(request, cookie);
    else if (outcome == BROKEN)
        problem_broken(request);
    else
        refuse(request, outcome, &errors);
}

void log_in_refused(struct request *request)
{
    struct errors errors = { 0 };
    errors_add(&errors, "form", "This page was too old to log in from. Please try again.");
    show(request, 403, true, &errors);
}
