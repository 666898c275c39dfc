#include "cgi-bin/routes.h"

#include "base/arena.h"
#include "cgi-bin/guard.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/problem.h"

/* clang-format off */
static const struct route routes[] = {
    { METHOD_GET,    "/",                             NEEDS_NOTHING, TAKES_NOTHING, rooms_home,         NULL,             rooms_home_ahead },
    { METHOD_GET,    "/rooms/:slug",                  NEEDS_NOTHING, TAKES_NOTHING, rooms_show,         NULL,             rooms_show_ahead },
    { METHOD_GET,    "/rooms/:slug/stream",           NEEDS_NOTHING, TAKES_NOTHING, streams_show,       NULL,             NULL },
    { METHOD_GET,    "/rooms/:slug/messages",         NEEDS_NOTHING, TAKES_NOTHING, messages_index,     NULL,             NULL },
    { METHOD_GET,    "/rooms/:slug/messages/:id",     NEEDS_NOTHING, TAKES_NOTHING, messages_show,      NULL,             NULL },
    { METHOD_POST,   "/rooms/:slug/messages",         NEEDS_WRITER,  TAKES_FORM,    messages_create,    messages_refused, NULL },

    { METHOD_GET,    "/login",                        NEEDS_NOTHING, TAKES_NOTHING, log_in_elsewhere,   NULL,             NULL },
    { METHOD_GET,    "/logout",                       NEEDS_NOTHING, TAKES_NOTHING, log_out_show,       NULL,             NULL },
    { METHOD_GET,    "/users/current",                NEEDS_NOTHING, TAKES_NOTHING, log_in_current,     NULL,             NULL },
    { METHOD_GET,    "/users/log-in",                 NEEDS_NOTHING, TAKES_NOTHING, log_in_show,        NULL,             NULL },
    { METHOD_POST,   "/users/log-in",                 NEEDS_NOTHING, TAKES_FORM,    log_in_create,      log_in_refused,   NULL },
    { METHOD_DELETE, "/users/log-out",                NEEDS_NOTHING, TAKES_FORM,    log_out_destroy,    log_out_refused,  NULL },
    { METHOD_GET,    "/users/settings",               NEEDS_RECENT,  TAKES_NOTHING, devices_settings,   NULL,             NULL },
    { METHOD_GET,    "/users/settings/sessions",      NEEDS_RECENT,  TAKES_NOTHING, devices_index,      NULL,             NULL },
    { METHOD_DELETE, "/users/settings/sessions",      NEEDS_ACTION,  TAKES_FORM,    devices_destroy_all, NULL,             NULL },
    { METHOD_DELETE, "/users/settings/sessions/:hash", NEEDS_ACTION, TAKES_FORM,    devices_destroy,    NULL,             NULL },

    { METHOD_GET,    "/api/sessions",                 NEEDS_SESSION, TAKES_NOTHING, api_sessions_index, NULL,             NULL },
    { METHOD_POST,   "/api/sessions",                 NEEDS_NOTHING, TAKES_JSON,    api_sessions_create, NULL,             NULL },
    { METHOD_DELETE, "/api/sessions",                 NEEDS_SESSION, TAKES_NOTHING, api_sessions_destroy_all, NULL,             NULL },
    { METHOD_DELETE, "/api/sessions/:jti",            NEEDS_SESSION, TAKES_NOTHING, api_sessions_destroy, NULL,             NULL },

    { METHOD_GET,    "/live/longpoll",                PUBLIC,        TAKES_NOTHING, longpoll_show,      NULL,             NULL },
    { METHOD_POST,   "/live/longpoll",                PUBLIC,        TAKES_NOTHING, longpoll_create,    NULL,             NULL },
    { METHOD_OPTIONS, "/live/longpoll",               PUBLIC,        TAKES_NOTHING, longpoll_options,   NULL,             NULL },

    { METHOD_GET,    "/healthz",                      PUBLIC,        TAKES_NOTHING, health_show,        NULL,             NULL },
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

/* A form is sent by POST, whatever it means. */
static const char *method_names(const struct route *route)
{
    if (route->method == METHOD_GET)
        return "GET, HEAD";
    if (route->method == METHOD_OPTIONS)
        return "OPTIONS";
    if (route->method == METHOD_POST || route->takes == TAKES_FORM)
        return "POST";
    return route->method == METHOD_PATCH ? "PATCH, PUT" : "DELETE";
}

static const char *list(struct arena *arena, const char *names, const char *name, unsigned *listed, enum method method)
{
    if (*listed & 1u << method)
        return names;
    *listed |= 1u << method;
    return names ? arena_printf(arena, "%s, %s", names, name) : name;
}

static const struct route *find(struct request *request, enum method method)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (routes[i].method == method && match(routes[i].pattern, request->path, request->params))
            return &routes[i];
    return NULL;
}

/* A row of the path that a form can mean by its _method. */
static const struct route *find_form(struct request *request)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (routes[i].takes == TAKES_FORM && match(routes[i].pattern, request->path, request->params))
            return &routes[i];
    return NULL;
}

static const char *allowed(struct request *request)
{
    const char *names = NULL;
    unsigned listed = 0;
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (match(routes[i].pattern, request->path, request->params))
            names = list(request->scope.arena, names, method_names(&routes[i]), &listed,
                         routes[i].takes == TAKES_FORM ? METHOD_POST : routes[i].method);
    return names;
}

const struct route *route_find(struct request *request, const char **allow)
{
    const struct route *route = find(request, request->method);
    if (!route && request->method == METHOD_POST)
        route = find_form(request);
    *allow = route ? NULL : allowed(request);
    return route;
}

/* The row that a form means by its _method. One that the path does not have is passed over like any field that nobody
 * asked for. NULL: it should have had one. */
static const struct route *form_route(struct request *request)
{
    struct text named = form_value(&request->body, "_method");
    enum method method = text_is_nocase(named, "delete")  ? METHOD_DELETE
                         : text_is_nocase(named, "patch") ? METHOD_PATCH
                                                          : METHOD_OTHER;
    const struct route *route = find(request, method);
    return route && route->takes == TAKES_FORM ? route : find(request, METHOD_POST);
}

static void no_route(struct request *request, const char *allow)
{
    guard_glance(request);
    problem_status(request, allow ? 405 : 404);
    if (allow)
        answer_header(&request->answer, "Allow", text_of(allow));
}

void route_dispatch(struct request *request)
{
    const char *allow;
    request->route = route_find(request, &allow);
    if (!request->route) {
        no_route(request, allow);
        return;
    }
    if (!guard_session(request) || !guard_body(request))
        return;
    if (request->route->takes == TAKES_FORM)
        request->route = form_route(request);
    if (!request->route)
        no_route(request, allowed(request));
    else if (guard_asker(request))
        request->route->handle(request);
}
