#include "cgi-bin/routes.h"

#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/problem.h"
#include "web/csrf.h"

/* clang-format off */
static const struct route routes[] = {
    { METHOD_GET,  "/",                         ANYONE, NOTHING, rooms_home,      NULL },
    { METHOD_GET,  "/rooms/:slug",              ANYONE, NOTHING, rooms_show,      NULL },
    { METHOD_GET,  "/rooms/:slug/messages",     ANYONE, NOTHING, messages_index,  NULL },
    { METHOD_GET,  "/rooms/:slug/messages/:id", ANYONE, NOTHING, messages_show,   NULL },
    { METHOD_POST, "/rooms/:slug/messages",     POSTER, FORM,    messages_create, messages_refused },
    { METHOD_GET,  "/healthz",                  PUBLIC, NOTHING, health_show,     NULL },
};
/* clang-format on */

enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

/* Segment by segment; a slash at the end makes another path. */
static bool match(const char *pattern, struct text path, struct text params[ROUTE_PARAMS_MAX])
{
    struct text want = text_of(pattern);
    size_t count = 0;
    if (path.len < 2 || want.len < 2)
        return text_equal(path, want);
    if (text_ends(path, "/"))
        return false;
    while (path.len && want.len) {
        struct text segment = text_split(&path, '/'), wanted = text_split(&want, '/');
        if (wanted.len && wanted.at[0] == ':' && segment.len)
            params[count++] = segment;
        else if (!text_equal(segment, wanted))
            return false;
    }
    return path.len == 0 && want.len == 0;
}

static const char *method_names(enum method method)
{
    return method == METHOD_GET ? "GET, HEAD" : "POST";
}

const struct route *route_find(struct request *request, const char **allow)
{
    *allow = NULL;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!match(routes[i].pattern, request->path, request->params))
            continue;
        if (routes[i].method == request->method)
            return &routes[i];
        const char *name = method_names(routes[i].method);
        *allow = *allow ? arena_printf(request->scope.arena, "%s, %s", *allow, name) : name;
    }
    return NULL;
}

/* Fills scope and session. A page drops a cookie that does not hold and goes on as guest. */
static bool guard_session(struct request *request)
{
    struct credentials came = { .cookie = gateway_variable(request->gateway, "HTTP_COOKIE"), .bearer = TEXT("") };
    if (request->route->needs == PUBLIC)
        return true;
    if (session_open(&came, &request->scope, &request->session) == DONE)
        return true;
    problem_broken(request);
    return false;
}

static bool guard_needs(struct request *request)
{
    if (request->route->needs != POSTER || scope_member(&request->scope) || request->scope.config->site_guests)
        return true;
    problem_show(request, 403, "Guests may not write here. Please log in.");
    return false;
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

static bool guard_form(struct request *request)
{
    if (request->route->takes != FORM)
        return true;
    int status = request_read_form(request);
    if (status) {
        problem_status(request, status);
        return false;
    }
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

void route_dispatch(struct request *request)
{
    const char *allow;
    request->route = route_find(request, &allow);
    if (!request->route && allow) {
        problem_status(request, 405);
        answer_header(&request->answer, "Allow", text_of(allow));
        return;
    }
    if (!request->route) {
        problem_status(request, 404);
        return;
    }
    if (guard_session(request) && guard_form(request) && guard_needs(request))
        request->route->handle(request);
}
