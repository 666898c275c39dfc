/* fields: name, message, client_id (messages_create); before (messages_index) */
#include "base/arena.h"
#include "base/must.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/page.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "cgi-bin/rooms.h"
#include "chat/message.h"
#include "chat/posting.h"
#include "chat/room.h"
#include "web/present.h"

static json_t *page_url(const struct request *request, const struct room *room, int64_t before)
{
    return json_string(
        request_path(request, "rooms/%.*s/messages?before=%lld", TEXT_ARGS(room->slug), (long long)before));
}

/* Where newer ones are: the next page, or (null) the room itself. */
static json_t *newer_url(const struct request *request, const struct room *room, int64_t before)
{
    int64_t next;
    if (__builtin_add_overflow(before, MESSAGE_PAGE, &next) || next > room->rev)
        return json_null();
    return page_url(request, room, next);
}

void messages_index(struct request *request)
{
    const struct scope *scope = &request->scope;
    struct messages messages;
    int64_t before = INT64_MAX;
    const struct room *room = rooms_find(request, request->params[0]);
    if (!room)
        return;
    if (form_has(&request->query, "before") &&
        !text_number(form_value(&request->query, "before"), INT64_MAX, &before)) {
        problem_status(request, 400);
        return;
    }
    if (message_before(scope, room->id, before, MESSAGE_PAGE, &messages) != DONE) {
        problem_broken(request);
        return;
    }
    bool more = messages.count > 0 && messages.items[0].seq > 1;
    json_t *data = page_data(request, arena_printf(scope->arena, "Older messages in %.*s", TEXT_ARGS(room->name)));
    must(json_object_update_new(data,
                                json_pack("{s:o, s:o, s:o, s:o}", "room", rooms_view(request, room), "html",
                                          present_messages(scope->config, request->view, scope->arena, &messages),
                                          "older", more ? page_url(request, room, messages.items[0].seq) : json_null(),
                                          "newer", newer_url(request, room, before))) == 0);
    page_render(request, 200, "messages/index", data);
}

void messages_show(struct request *request)
{
    const struct scope *scope = &request->scope;
    struct message message;
    int64_t id;
    const struct room *room = rooms_find(request, request->params[0]);
    if (!room)
        return;
    enum outcome found = text_number(request->params[1], INT64_MAX, &id)
                             ? message_find(scope, request->params[0], id, &message)
                             : MISSING;
    if (found == BROKEN) {
        problem_broken(request);
        return;
    }
    if (found != DONE) {
        problem_show(request, 404, "There is no such message.");
        return;
    }
    json_t *view = present_message_view(scope->config, scope->arena, &message);
    int64_t before = message.seq < INT64_MAX - MESSAGE_PAGE ? message.seq + MESSAGE_PAGE / 2 : message.seq;
    json_object_set_new(view, "context", page_url(request, room, before));
    json_t *data = page_data(request, arena_printf(scope->arena, "A message in %.*s", TEXT_ARGS(room->name)));
    must(json_object_update_new(data, json_pack("{s:o, s:o}", "room", rooms_view(request, room), "message", view)) ==
         0);
    page_render(request, 200, "messages/show", data);
}

/* A form that was shown again by the browser (back button) carries an id that an earlier text took: that is a new
 * message (DESIGN 3.4), as is one whose id somebody made up wrongly. */
static enum outcome post(struct request *request, const struct room *room, struct errors *errors,
                         struct message *message)
{
    struct message_new new = { .name = form_value(&request->body, "name"),
                               .message = form_value(&request->body, "message"),
                               .client_id = form_value(&request->body, "client_id") };
    enum outcome outcome = message_post(&request->scope, room->id, &new, errors, message);
    if (outcome != INVALID || !errors_first(errors, "client_id"))
        return outcome;
    *errors = (struct errors){ 0 };
    new.client_id = TEXT("");
    return message_post(&request->scope, room->id, &new, errors, message);
}

/* Guests are greeted by their name the next time, also without JavaScript. */
static void remember_name(struct request *request, struct text name)
{
    if (request->session.state == SESSION_GUEST && !text_equal(request->session.name, name))
        answer_header(&request->answer, "Set-Cookie", session_guest(&request->scope, &request->session, name));
}

static void limited(struct request *request, const struct room *room, struct errors *errors)
{
    struct arena *arena = request->scope.arena;
    const char *seconds = arena_printf(arena, "%d", errors->retry_after);
    errors_add(errors, "form",
               arena_printf(arena, "That was too much at once. Please try again in %s second(s).", seconds));
    rooms_page(request, room, 429, true, errors);
    answer_header(&request->answer, "Retry-After", text_of(seconds));
}

void messages_create(struct request *request)
{
    struct errors errors = { 0 };
    struct message message;
    const struct room *room = rooms_find(request, request->params[0]);
    if (!room)
        return;
    switch (post(request, room, &errors, &message)) {
    case DONE:
        remember_name(request, message.name);
        answer_redirect(&request->answer, 303, text_of(request_path(request, "rooms/%.*s", TEXT_ARGS(room->slug))));
        return;
    case INVALID: rooms_page(request, room, 422, true, &errors); return;
    case LIMITED: limited(request, room, &errors); return;
    case MISSING: problem_show(request, 404, "There is no such room."); return;
    case DENIED: problem_show(request, 403, "Guests may not write here. Please log in."); return;
    case BROKEN: problem_broken(request); return;
    }
}

void messages_refused(struct request *request)
{
    struct errors errors = { 0 };
    const struct room *room = rooms_find(request, request->params[0]);
    errors_add(&errors, "form", "This page was too old to send from. Nothing was sent yet: please send it again.");
    if (room)
        rooms_page(request, room, 403, true, &errors);
}
