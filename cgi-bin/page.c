#include "cgi-bin/page.h"

#include "assets.h"
#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "base/must.h"
#include "base/utf8.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/handle.h"
#include "cgi-bin/request.h"
#include "web/csrf.h"
#include "web/present.h"
#include "web/view.h"

/* The most that a page has, as a rule. */
enum { PAGE_USUAL = 24 * 1024 };

void page_identify(struct request *request)
{
    struct scope *scope = &request->scope;
    struct session *session = &request->session;
    if (session->state == SESSION_USER) {
        struct text renewed = session_renew(scope, session);
        if (renewed.len)
            answer_header(&request->answer, "Set-Cookie", renewed);
        return;
    }
    if (session->state == SESSION_GUEST && !session_stale(session, scope))
        return;
    if (session_just_replaced(scope, session))
        return;
    answer_header(&request->answer, "Set-Cookie", session_guest(scope, session, session->name));
}

json_t *page_site(const struct config *config, struct arena *arena)
{
    const char *assets = arena_printf(arena, "%.*sstatic/" ASSETS_VERSION "/", TEXT_ARGS(config->base));
    const char *live = arena_printf(arena, "%.*slive", TEXT_ARGS(config->base));
    json_t *json = json_pack("{s:s, s:s%, s:s, s:s, s:s, s:b}", "name", config->site_name, "base", config->base.at,
                             (size_t)config->base.len, "assets", assets, "live", live, "url", config->site_url,
                             "guests", config->site_guests);
    must(json != NULL);
    return json;
}

/* The first character, for where no picture is. */
static struct text initial(struct text name)
{
    struct text rest = name;
    uint32_t point;
    return utf8_next(&rest, &point) ? (struct text){ name.at, name.len - rest.len } : TEXT("");
}

static json_t *user(const struct request *request)
{
    const struct scope *scope = &request->scope;
    struct text first = initial(scope->name), picture = present_picture(scope->config, scope->picture);
    if (!scope_member(scope))
        return json_null();
    return json_pack("{s:s%, s:s%, s:s%, s:s%}", "userID", scope->userid.at, scope->userid.len, "name", scope->name.at,
                     scope->name.len, "picture", picture.at, picture.len, "initials", first.at, first.len);
}

void page_flash(struct request *request, enum flash flash)
{
    answer_header(&request->answer, "Set-Cookie", flash_set(request->scope.config, request->scope.arena, flash));
}

/* A script that fetches a page shows nobody what stands at its head. */
static bool seen(const struct request *request)
{
    struct text mode = gateway_variable(request->gateway, "HTTP_SEC_FETCH_MODE");
    return !request->head && (!mode.len || text_is(mode, "navigate"));
}

static json_t *flash(struct request *request)
{
    enum flash left = flash_find(request->scope.config, gateway_variable(request->gateway, "HTTP_COOKIE"));
    if (left == FLASH_NONE || !seen(request))
        return json_null();
    page_flash(request, FLASH_NONE);
    return json_pack("{s:s, s:b, s:s}", "kind", flash_kind(left), "alert", flash_alert(left), "text",
                     flash_sentence(left));
}

json_t *page_data(struct request *request, const char *title)
{
    const struct scope *scope = &request->scope;
    if (scope_member(scope))
        page_identify(request);
    struct text csrf =
        request->session.secret.len ? csrf_token(scope->config, scope->arena, &request->session) : TEXT("");
    json_t *data = json_pack("{s:O, s:s, s:s%, s:o, s:o, s:o}", "site", request->house->site, "title", title, "csrf",
                             csrf.at, csrf.len, "user", user(request), "guest",
                             scope->guest.len ? json_stringn(scope->guest.at, scope->guest.len) : json_null(), "flash",
                             flash(request));
    must(data != NULL);
    return data;
}

void page_render(struct request *request, int status, const char *view, json_t *data)
{
    struct answer *answer = &request->answer;
    buffer_clear(&answer->body);
    buffer_expect(&answer->body, PAGE_USUAL);
    answer->status = status;
    answer_header(answer, "Content-Type", TEXT("text/html; charset=utf-8"));
    if (!view_render(request->view, view, data, &answer->body) || answer->body.full) {
        log_event(LOG_ERROR, "page too large", LOG_S("view", view));
        answer->status = 500;
        buffer_clear(&answer->body);
    }
    json_decref(data);
}

json_t *page_typed(struct request *request, struct text typed)
{
    struct text shown = utf8_repair(request->scope.arena, typed);
    json_t *json = json_stringn(shown.at, shown.len);
    must(json != NULL);
    return json;
}
