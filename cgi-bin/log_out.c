#include "cgi-bin/log_out.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/must.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/page.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "web/cookie.h"

void log_out_done(struct request *request, int status)
{
    const struct scope *scope = &request->scope;
    if (request->session.state != SESSION_GUEST && request->session.state != SESSION_NONE) {
        answer_header(&request->answer, "Set-Cookie", cookie_set(scope->config, scope->arena, TEXT(""), -1));
        answer_header(&request->answer, "Clear-Site-Data", TEXT("\"storage\""));
    }
    page_flash(request, FLASH_SIGNED_OUT);
    answer_redirect(&request->answer, status, text_of(request_path(request, "%s", "")));
}

/* One that has ended already is as good as ended. Without an answer of the database the cookie stays, so that nobody
 * believes to be signed out who is not. */
static void end(struct request *request, int status)
{
    if (request->session.state == SESSION_USER) {
        if (token_end(&request->scope, request->session.hash, TOKEN_SIGNED_OUT) == BROKEN) {
            problem_broken(request);
            return;
        }
        log_event(LOG_INFO, "signed out", LOG_S("request", request->id), LOG_T("user", request->scope.userid));
    }
    log_out_done(request, status);
}

void log_out_destroy(struct request *request)
{
    end(request, 303);
}

static void ask(struct request *request, int status)
{
    page_identify(request);
    json_t *data = page_data(request, "Log out");
    json_object_set_new(data, "action", json_string(request_path(request, "users/log-out")));
    page_render(request, status, "users/log_out", data);
}

/* The form's token does not hold: the session has ended, or the page is of another one than the cookie. Where another
 * one took its place on the way, that one is meant, and the browser comes with it to where it ends. */
void log_out_refused(struct request *request)
{
    if (request->session.state == SESSION_USER)
        ask(request, 403);
    else if (session_just_replaced(&request->scope, &request->session))
        answer_redirect(&request->answer, 303, text_of(request_path(request, "logout")));
    else
        log_out_done(request, 303);
}

/* Did somebody mean to? A browser that fetches ahead what a person might click has not been told to, nor has one that
 * takes this address for a picture's. */
static bool meant(const struct request *request)
{
    struct text mode = gateway_variable(request->gateway, "HTTP_SEC_FETCH_MODE");
    return !request->head && (!mode.len || text_is(mode, "navigate")) &&
           !gateway_variable(request->gateway, "HTTP_SEC_PURPOSE").len &&
           !gateway_variable(request->gateway, "HTTP_PURPOSE").len &&
           !gateway_variable(request->gateway, "HTTP_X_MOZ").len;
}

/* GET /logout: a link of our own pages is as good as a button; from elsewhere a button is shown. */
void log_out_show(struct request *request)
{
    if (text_is(request->fetch_site, "same-origin") && meant(request) &&
        !session_just_replaced(&request->scope, &request->session))
        end(request, 302);
    else
        ask(request, 200);
}
