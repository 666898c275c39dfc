/* The table of routes: which row answers what. The handlers here only have their names. */
#include "../support/edge.h"
#include "../support/tap.h"

#include "base/arena.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/routes.h"

#define HANDLER(name)                                                                                                  \
    void name(struct request *request)                                                                                 \
    {                                                                                                                  \
        (void)request;                                                                                                 \
    }
#define AHEAD(name)                                                                                                    \
    void name(const struct request *request, const struct scope *likely)                                               \
    {                                                                                                                  \
        (void)request;                                                                                                 \
        (void)likely;                                                                                                  \
    }

HANDLER(rooms_home)
HANDLER(rooms_show)
AHEAD(rooms_home_ahead)
AHEAD(rooms_show_ahead)
HANDLER(streams_show)
HANDLER(messages_index)
HANDLER(messages_show)
HANDLER(messages_create)
HANDLER(messages_refused)
HANDLER(log_in_show)
HANDLER(log_in_create)
HANDLER(log_in_refused)
HANDLER(log_in_elsewhere)
HANDLER(log_in_current)
HANDLER(log_out_show)
HANDLER(log_out_destroy)
HANDLER(log_out_refused)
HANDLER(devices_settings)
HANDLER(devices_index)
HANDLER(devices_destroy)
HANDLER(devices_destroy_all)
HANDLER(api_sessions_index)
HANDLER(api_sessions_create)
HANDLER(api_sessions_destroy)
HANDLER(api_sessions_destroy_all)
HANDLER(longpoll_show)
HANDLER(longpoll_create)
HANDLER(longpoll_options)
HANDLER(health_show)

static struct arena *arena;

static const struct {
    enum method method;
    const char *path;
    void (*handle)(struct request *); /* NULL: no route */
    const char *params;               /* joined by a comma */
    const char *allow;
} cases[] = {
    { METHOD_GET, "/", rooms_home, "", NULL },
    { METHOD_GET, "/healthz", health_show, "", NULL },
    { METHOD_GET, "/api/sessions", api_sessions_index, "", NULL },
    { METHOD_POST, "/api/sessions", api_sessions_create, "", NULL },
    { METHOD_DELETE, "/api/sessions", api_sessions_destroy_all, "", NULL },
    { METHOD_DELETE, "/api/sessions/current", api_sessions_destroy, "current", NULL },
    { METHOD_PATCH, "/api/sessions", NULL, "", "GET, HEAD, POST, DELETE" },
    { METHOD_POST, "/api/sessions/current", NULL, "", "DELETE" },
    { METHOD_GET, "/rooms/lobby", rooms_show, "lobby", NULL },
    { METHOD_GET, "/rooms/:slug", rooms_show, ":slug", NULL },
    { METHOD_GET, "/rooms/messages", rooms_show, "messages", NULL },
    { METHOD_GET, "/rooms/lobby/stream", streams_show, "lobby", NULL },
    { METHOD_GET, "/rooms/lobby/messages", messages_index, "lobby", NULL },
    { METHOD_GET, "/rooms/lobby/messages/12", messages_show, "lobby,12", NULL },
    { METHOD_GET, "/rooms/:slug/messages/:id", messages_show, ":slug,:id", NULL },
    { METHOD_POST, "/rooms/lobby/messages", messages_create, "lobby", NULL },
    { METHOD_GET, "/users/log-in", log_in_show, "", NULL },
    { METHOD_POST, "/users/log-in", log_in_create, "", NULL },
    { METHOD_DELETE, "/users/log-out", log_out_destroy, "", NULL },
    { METHOD_POST, "/users/log-out", log_out_destroy, "", NULL }, /* its _method will tell */
    { METHOD_GET, "/users/log-out", NULL, "", "POST" },
    { METHOD_OTHER, "/users/settings/sessions", NULL, "", "GET, HEAD, POST" },
    { METHOD_POST, "/users/settings/sessions/abc", devices_destroy, "abc", NULL },
    { METHOD_PATCH, "/users/settings/sessions/abc", NULL, "", "POST" },
    { METHOD_POST, "/", NULL, "", "GET, HEAD" },
    { METHOD_POST, "/healthz", NULL, "", "GET, HEAD" },
    { METHOD_POST, "/rooms/lobby", NULL, "", "GET, HEAD" },
    { METHOD_OTHER, "/rooms/lobby/messages", NULL, "", "GET, HEAD, POST" },
    { METHOD_OTHER, "/", NULL, "", "GET, HEAD" },
    { METHOD_OTHER, "/nothing", NULL, "", NULL },
    { METHOD_GET, "", NULL, "", NULL },
    { METHOD_GET, "//", NULL, "", NULL },
    { METHOD_GET, "/rooms", NULL, "", NULL },
    { METHOD_GET, "/rooms/", NULL, "", NULL },
    { METHOD_GET, "/rooms//", NULL, "", NULL },
    { METHOD_GET, "/rooms/lobby/", NULL, "", NULL },
    { METHOD_GET, "//rooms/lobby", NULL, "", NULL },
    { METHOD_GET, "/rooms//messages", NULL, "", NULL },
    { METHOD_GET, "/rooms/lobby/messages/", NULL, "", NULL },
    { METHOD_GET, "/rooms/lobby/messages/1/2", NULL, "", NULL },
    { METHOD_GET, "/rooms/lobby/Messages", NULL, "", NULL },
    { METHOD_GET, "/healthzz", NULL, "", NULL },
    { METHOD_GET, "/health", NULL, "", NULL },
    { METHOD_GET, "healthz", NULL, "", NULL },
    { METHOD_GET, "x", NULL, "", NULL },
};

static const char *joined(const struct request *request)
{
    const char *text = "";
    for (int i = 0; i < ROUTE_PARAMS_MAX && request->params[i].len; i++)
        text = arena_printf(arena, "%s%s%.*s", text, i ? "," : "", TEXT_ARGS(request->params[i]));
    return text;
}

static void test_case(size_t i)
{
    struct request request = { .method = cases[i].method, .path = edge(cases[i].path), .scope = { .arena = arena } };
    const char *allow;
    const struct route *route = route_find(&request, &allow);
    ok((route ? route->handle : NULL) == cases[i].handle, "\"%s\" by method %d", cases[i].path, (int)cases[i].method);
    is(allow, route ? allow : cases[i].allow, "what is allowed");
    if (!route)
        return;
    is(joined(&request), cases[i].params, "its parameters");
    ok((route->method == METHOD_GET) == (route->takes == TAKES_NOTHING) ||
           text_starts(text_of(route->pattern), "/api/"),
       "V3 what changes something wants a token, reading does not");
    ok(route->method == METHOD_GET || route->needs != PUBLIC, "and somebody who asks");
}

int main(void)
{
    arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        test_case(i);
    arena_free(&arena);
    return done();
}
