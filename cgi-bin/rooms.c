#include "cgi-bin/rooms.h"

#include <sodium.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/lines.h"
#include "cgi-bin/page.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "chat/message.h"
#include "chat/presence.h"
#include "chat/room.h"
#include "web/present.h"

json_t *rooms_view(const struct request *request, const struct room *room)
{
    struct arena *arena = request->scope.arena;
    json_t *json = json_pack("{s:s%, s:s%, s:s, s:s}", "slug", room->slug.at, room->slug.len, "name", room->name.at,
                             room->name.len, "path", request_path(request, "rooms/%.*s", TEXT_ARGS(room->slug)),
                             "topic", arena_printf(arena, "room:%.*s", TEXT_ARGS(room->slug)));
    must(json != NULL);
    return json;
}

static void missing(struct request *request, enum outcome outcome)
{
    if (outcome == MISSING)
        problem_show(request, 404, "There is no such room.");
    else
        problem_broken(request);
}

const struct room *rooms_find(struct request *request, struct text slug)
{
    struct room *room = arena_alloc(request->scope.arena, sizeof *room);
    enum outcome found = room_find(&request->scope, slug, room);
    if (found == DONE)
        return room;
    missing(request, found);
    return NULL;
}

/* A random UUID (RFC 9562, version 4): the form's client_id, so that sending it twice posts once. */
static const char *new_client_id(struct arena *arena)
{
    unsigned char b[16];
    randombytes_buf(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    char *text = arena_alloc(arena, 2 * sizeof b + 5), *at = text;
    for (size_t i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = "0123456789abcdef"[b[i] >> 4];
        *at++ = "0123456789abcdef"[b[i] & 0x0F];
    }
    return text;
}

static json_t *error_view(const struct errors *errors, const char *field)
{
    const char *sentence = errors ? errors_first(errors, field) : NULL;
    return sentence ? json_string(sentence) : json_null();
}

static json_t *form_view(struct request *request, const struct room *room, bool typed, const struct errors *errors)
{
    struct text name =
        typed && form_has(&request->body, "name") ? form_value(&request->body, "name") : request->session.name;
    struct text message = typed ? form_value(&request->body, "message") : TEXT("");
    json_t *json = json_pack("{s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:I}", "action",
                             request_path(request, "rooms/%.*s/messages", TEXT_ARGS(room->slug)), "name",
                             page_typed(request, name), "message", page_typed(request, message), "client_id",
                             new_client_id(request->scope.arena), "focus_name", name.len == 0, "error_name",
                             error_view(errors, "name"), "error_message", error_view(errors, "message"), "error_form",
                             error_view(errors, "form"), "limit", (json_int_t)request->scope.config->limits_message);
    must(json != NULL);
    return json;
}

static json_t *older_url(const struct request *request, const struct room *room, int64_t first)
{
    if (first <= 1)
        return json_null();
    return json_string(
        request_path(request, "rooms/%.*s/messages?before=%lld", TEXT_ARGS(room->slug), (long long)first));
}

/* What was kept as far as it still holds, and the rest rendered, and kept for the next page. A minute after it was
 * rendered all is new. */
static struct lines lines_of(const struct request *request, const struct room_page *page, const struct lines *kept)
{
    const struct scope *scope = &request->scope;
    struct lines lines = { .stand = page->stand };
    if (page->unchanged) {
        lines.first = kept->first;
        lines.until = kept->until;
        lines.html = json_incref(kept->html);
    } else {
        lines.first = page->messages.count ? page->messages.items[0].seq : 0;
        lines.html = present_messages(scope->config, request->view, scope->arena, &page->messages);
    }
    if (page->people_unchanged)
        lines.people = json_incref(kept->people);
    else
        lines.people = present_people(request->view, scope->arena, &page->people);
    lines.stand.steady = page->unchanged && lines.stand.here.len;
    if (!page->people_unchanged)
        lines_keep(&lines);
    return lines;
}

/* The references that lines hold are given away. */
static void render(struct request *request, const struct room_page *page, const struct lines *lines, int status,
                   bool typed, const struct errors *errors)
{
    const struct scope *scope = &request->scope;
    const struct room *room = &page->room;
    page_identify(request);
    json_t *data = page_data(request, text_string(scope->arena, room->name));
    must(json_object_update_new(data, json_pack("{s:o, s:o, s:I, s:s%, s:o, s:o, s:o}", "room",
                                                rooms_view(request, room), "people", lines->people, "rev",
                                                (json_int_t)room->rev, "epoch", room->epoch.at, room->epoch.len, "html",
                                                lines->html, "older", older_url(request, room, lines->first), "form",
                                                form_view(request, room, typed, errors))) == 0);
    page_render(request, status, "rooms/show", data);
}

static void show(struct request *request, struct text slug, int status, bool typed, const struct errors *errors)
{
    struct room_page page;
    const struct lines *kept = lines_find(slug);
    enum outcome found = room_page(&request->scope, slug, MESSAGE_LATEST, kept ? &kept->stand : NULL, &page);
    if (found != DONE) {
        missing(request, found);
        return;
    }
    struct lines lines = lines_of(request, &page, kept);
    render(request, &page, &lines, status, typed, errors);
}

void rooms_page(struct request *request, const struct room *room, int status, bool typed, const struct errors *errors)
{
    if (request->wants_json && errors && errors_any(errors))
        problem_errors(request, status, errors);
    else
        show(request, room->slug, status, typed, errors);
}

void rooms_home(struct request *request)
{
    show(request, TEXT("lobby"), 200, false, NULL);
}

void rooms_show(struct request *request)
{
    show(request, request->params[0], 200, false, NULL);
}

static void foretell(const struct scope *likely, struct text slug)
{
    const struct lines *kept = lines_find(slug);
    room_foretell(likely, slug, MESSAGE_LATEST, kept ? &kept->stand : NULL);
}

void rooms_home_ahead(const struct request *request, const struct scope *likely)
{
    (void)request;
    foretell(likely, TEXT("lobby"));
}

void rooms_show_ahead(const struct request *request, const struct scope *likely)
{
    foretell(likely, request->params[0]);
}
