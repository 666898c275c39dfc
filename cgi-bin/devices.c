/* /users/settings/sessions: where somebody is signed in. fields: which (devices_destroy_all: "others" or "all") */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/log_out.h"
#include "cgi-bin/page.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "chat/token.h"
#include "web/device.h"

static const char *path(const struct request *request)
{
    return request_path(request, "users/settings/sessions");
}

void devices_settings(struct request *request)
{
    answer_redirect(&request->answer, 302, text_of(path(request)));
}

static json_t *time_view(struct arena *arena, int64_t seconds)
{
    char text[CLOCK_TEXT_SIZE];
    clock_text(seconds * 1000000, text);
    return json_pack("{s:s, s:s}", "at", text, "words", arena_printf(arena, "%.10s, %.5s UTC", text, text + 11));
}

static json_t *device_view(struct request *request, const struct token_line *line)
{
    struct arena *arena = request->scope.arena;
    struct text name = device_name(arena, line->user_agent);
    if (line->context == TOKEN_API)
        name = text_of(arena_printf(arena, "A program (%.*s)", TEXT_ARGS(name)));
    bool own = text_equal(line->hash, request->scope.token);
    json_t *json = json_pack("{s:s%, s:o, s:s, s:b, s:b, s:o, s:o}", "device", name.at, name.len, "address",
                             page_typed(request, line->address), "action",
                             arena_printf(arena, "%s/%.*s", path(request), TEXT_ARGS(line->hash)), "own", own,
                             "program", line->context == TOKEN_API, "since", time_view(arena, line->inserted_at),
                             "seen", time_view(arena, own ? request->scope.now / 1000000 : line->last_seen_at));
    must(json != NULL);
    return json;
}

/* The own one first, then as they were seen. */
static json_t *devices_view(struct request *request, const struct token_line *lines, size_t count)
{
    json_t *views = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *view = device_view(request, &lines[i]);
        if (text_equal(lines[i].hash, request->scope.token))
            json_array_insert_new(views, 0, view);
        else
            json_array_append_new(views, view);
    }
    return views;
}

void devices_index(struct request *request)
{
    struct token_line *lines;
    size_t count;
    if (token_list(&request->scope, request->scope.user_id, &lines, &count) != DONE) {
        problem_broken(request);
        return;
    }
    json_t *data = page_data(request, "Where you are logged in");
    must(json_object_update_new(data, json_pack("{s:o, s:s, s:b}", "devices", devices_view(request, lines, count),
                                                "action", path(request), "others", count > 1)) == 0);
    page_render(request, 200, "users/sessions", data);
}

static void log_ended(const struct request *request, const char *which)
{
    log_event(LOG_INFO, "sessions ended", LOG_S("request", request->id), LOG_T("user", request->scope.userid),
              LOG_S("which", which));
}

static void back(struct request *request, enum flash flash)
{
    page_flash(request, flash);
    answer_redirect(&request->answer, 303, text_of(path(request)));
}

void devices_destroy(struct request *request)
{
    struct text hash = request->params[0];
    bool own = text_equal(hash, request->scope.token);
    enum outcome outcome = token_end(&request->scope, hash, own ? TOKEN_SIGNED_OUT : TOKEN_REVOKED);
    if (outcome == BROKEN) {
        problem_broken(request);
        return;
    }
    log_ended(request, own ? "own" : "another");
    if (own)
        log_out_done(request, 303);
    else
        back(request, outcome == DONE ? FLASH_ENDED : FLASH_GONE);
}

void devices_destroy_all(struct request *request)
{
    struct text which = form_value(&request->body, "which");
    bool all = text_is(which, "all");
    size_t ended;
    if (!all && !text_is(which, "others")) {
        problem_status(request, 400);
        return;
    }
    if (token_end_all(&request->scope, all ? TOKEN_SIGNED_OUT : TOKEN_REVOKED, all ? TEXT("") : request->scope.token,
                      &ended) != DONE) {
        problem_broken(request);
        return;
    }
    log_ended(request, all ? "all" : "others");
    if (all)
        log_out_done(request, 303);
    else
        back(request, FLASH_ENDED_OTHERS);
}
