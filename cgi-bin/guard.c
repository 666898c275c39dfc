#include "cgi-bin/guard.h"

#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/likely.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "cgi-bin/routes.h"
#include "cgi-bin/sign_in.h"
#include "web/csrf.h"

/* The token of `Authorization: Bearer`. Whatever else stands there is no token, and does not hold. */
static struct text bearer(const struct request *request)
{
    struct text header = text_strip(gateway_variable(request->gateway, "HTTP_AUTHORIZATION")), rest = header;
    struct text scheme = text_split(&rest, ' '), token = text_strip(rest);
    if (text_is_nocase(scheme, "Bearer") && token.len)
        return token;
    return header.len ? TEXT("-") : TEXT("");
}

/* What the page will ask for goes along with the question whether the session holds: one trip instead of two. */
static void look_ahead(const struct request *request, struct text hash)
{
    struct scope likely = request->scope;
    likely.user_id = likely_user(hash);
    if (likely.user_id && request->route && request->route->ahead)
        request->route->ahead(request, &likely);
}

static enum outcome open_session(struct request *request)
{
    struct session *session = &request->session;
    struct credentials came = { .cookie = TEXT(""), .bearer = TEXT("") };
    if (request->api)
        came.bearer = bearer(request);
    else
        came.cookie = gateway_variable(request->gateway, "HTTP_COOKIE");
    session_read(&came, &request->scope, session);
    if (session->state != SESSION_CLAIMED)
        return DONE;
    struct text hash = session->hash;
    look_ahead(request, hash);
    enum outcome outcome = session_check(&request->scope, session);
    likely_note(hash, request->scope.user_id);
    return outcome;
}

bool guard_session(struct request *request)
{
    if (request->route->needs == PUBLIC)
        return true;
    if (open_session(request) != DONE) {
        problem_broken(request);
        return false;
    }
    if (request->api && request->session.state == SESSION_USER)
        (void)session_renew(&request->scope, &request->session); /* a program's: when it was last seen, no cookie */
    if (!request->api || request->session.state != SESSION_BAD)
        return true;
    problem_unauthorized(request, "Token didn't match");
    return false;
}

void guard_glance(struct request *request)
{
    if (!request->api && open_session(request) != DONE)
        request->session = (struct session){ .state = SESSION_NONE };
}

bool guard_body(struct request *request)
{
    enum takes takes = request->route->takes;
    int status = takes == TAKES_FORM   ? request_read_form(request)
                 : takes == TAKES_JSON ? request_read_json(request)
                                       : 0;
    if (status)
        problem_status(request, status);
    return status == 0;
}

/* Another site's page says so by Sec-Fetch-Site or Origin; what says nothing (old browsers, programs) still needs the
 * token. */
static bool foreign(const struct request *request)
{
    if (request->fetch_site.len && !text_is(request->fetch_site, "same-origin") &&
        !text_is(request->fetch_site, "none"))
        return true;
    return request->origin.len && !text_equal(request->origin, request->scope.config->origin);
}

static bool ours(struct request *request)
{
    if (request->route->takes != TAKES_FORM)
        return true;
    if (!foreign(request) && csrf_valid(request->scope.config, &request->session, form_value(&request->body, "_csrf")))
        return true;
    log_event(LOG_WARN, "csrf refused", LOG_S("request", request->id), LOG_T("origin", request->origin));
    if (request->route->refused && request_same_origin(request))
        request->route->refused(request);
    else
        problem_show(request, 403,
                     "The form was not sent from one of our own pages, or its page is too old. "
                     "Please go back, reload the page and try again.");
    return false;
}

static void ask_to_sign_in(struct request *request, bool again)
{
    if (request->api || request->wants_json)
        problem_unauthorized(request, again ? "You must re-authenticate to do this." : "You must log in to do this.");
    else
        sign_in_redirect(request, again);
}

static void refuse(struct request *request, enum allowance verdict)
{
    log_event(LOG_WARN, "refused", LOG_S("request", request->id), LOG_S("route", request->route->pattern),
              LOG_T("asker", request->scope.userid));
    if (verdict == UNCONFIRMED)
        problem_show(request, 403, "Please confirm your e-mail address first: a mail with a link was sent to it.");
    else if (!scope_member(&request->scope))
        problem_show(request, 403, "Guests may not write here. Please log in.");
    else
        problem_status(request, 403);
}

bool guard_asker(struct request *request)
{
    if (request->route->needs == PUBLIC)
        return true;
    enum allowance verdict = needs_judge(&request->scope, request->route->needs);
    if (verdict == SIGN_IN || verdict == SIGN_IN_AGAIN) {
        ask_to_sign_in(request, verdict == SIGN_IN_AGAIN);
        return false;
    }
    if (!ours(request))
        return false;
    if (verdict == ALLOWED)
        return true;
    refuse(request, verdict);
    return false;
}
