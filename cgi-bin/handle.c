#include "cgi-bin/handle.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "cgi-bin/routes.h"
#include "db/db.h"

/* Who it was, without saying anything that could be used to be them. */
static struct text asker(const struct request *request)
{
    return scope_member(&request->scope) ? request->scope.userid : request->scope.guest;
}

static void log_request(const struct request *request, int64_t began, bool sent)
{
    log_event(request->answer.status >= 500 ? LOG_ERROR : LOG_INFO, "request", LOG_S("id", request->id),
              LOG_T("method", request->method_name), LOG_T("path", request->path),
              LOG_N("status", request->answer.status), LOG_N("bytes", request->answer.body.len),
              LOG_N("us", clock_steady() - began), LOG_T("asker", asker(request)),
              LOG_T("address", request->scope.address), LOG_N("sent", sent));
}

void handle(struct house *house, struct gateway *gateway)
{
    int64_t began = clock_steady();
    struct request *request = arena_alloc(house->arena, sizeof *request);
    request->house = house;
    request->view = house->view;
    request->scope =
        (struct scope){ .arena = house->arena, .db = house->db, .bell = house->bell, .config = house->config };
    request->answer = answer_new();
    int refused = request_read(request, gateway);
    if (refused)
        problem_status(request, refused);
    else
        route_dispatch(request);
    answer_header(&request->answer, "X-Request-Id", text_of(request->id));
    bool sent = answer_send(&request->answer, house->arena, house->config, gateway, request->head);
    log_request(request, began, sent);
    answer_free(&request->answer);
    db_forget(house->db);
    arena_reset(house->arena);
}
