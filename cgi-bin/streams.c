/* fields: after. What stands in for the relay's stream of a room (relay/): the same lines, in a page that loads itself
 * again. */
#include "base/arena.h"
#include "base/must.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/page.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "cgi-bin/rooms.h"
#include "chat/message.h"
#include "chat/room.h"
#include "web/present.h"

enum { LINES_MOST = 100 };

/* The same again, with what comes until then; once it is full it goes on behind what it showed. */
static const char *next_path(const struct request *request, const struct room *room, int64_t after,
                             const struct messages *messages)
{
    if (messages->count == LINES_MOST)
        after = messages->items[LINES_MOST - 1].rev;
    return request_path(request, "rooms/%.*s/stream?after=%lld", TEXT_ARGS(room->slug), (long long)after);
}

void streams_show(struct request *request)
{
    const struct scope *scope = &request->scope;
    const struct room *room = rooms_find(request, request->params[0]);
    struct messages messages;
    if (!room)
        return;
    int64_t after = room->rev;
    if (form_has(&request->query, "after") && !text_number(form_value(&request->query, "after"), INT64_MAX, &after)) {
        problem_status(request, 400);
        return;
    }
    if (message_changed(scope, room->id, after, LINES_MOST, &messages) != DONE) {
        problem_broken(request);
        return;
    }
    json_t *data = page_data(request, text_string(scope->arena, room->name));
    must(json_object_update_new(data, json_pack("{s:o, s:o, s:s}", "room", rooms_view(request, room), "html",
                                                present_messages(scope->config, request->view, scope->arena, &messages),
                                                "next", next_path(request, room, after, &messages))) == 0);
    request->answer.framed = true;
    page_render(request, 200, "rooms/refresh", data);
}
