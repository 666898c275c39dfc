#include "relay/asked.h"

#include "base/arena.h"
#include "base/config.h"
#include "relay/head.h"
#include "relay/upgrade.h"
#include "web/form.h"

enum { BEARER_MAX = 4096, WANTED_MAX = 500, SLUG_MAX = 100 };

static bool refuse_json(struct upgrade *out, int status, const char *reason)
{
    out->in_json = true;
    return upgrade_no(out, status, reason);
}

/* --- where it came from --- */

static bool check_origin(const struct config *config, const struct head *head, struct upgrade *out)
{
    size_t origins, sites;
    struct text origin = head_field(head, "Origin", &origins);
    struct text site = head_field(head, "Sec-Fetch-Site", &sites);
    out->from_ours = origins == 1 && text_equal(origin, config->origin);
    if (origins && !out->from_ours)
        return refuse_json(out, 403, "origin");
    out->may_be_ours = out->from_ours ||
                       (!text_is(head->method, "POST") && (sites == 0 || (sites == 1 && text_is(site, "same-origin"))));
    return true;
}

/* --- the long poll --- */

static bool read_query(struct arena *arena, const struct head *head, struct upgrade *out)
{
    struct form *query = arena_alloc(arena, sizeof *query);
    size_t tokens;
    if (!form_parse(arena, head->query, query))
        return upgrade_no(out, 400, "query");
    if (!text_starts(form_value(query, "vsn"), "2.0."))
        return refuse_json(out, 403, "vsn");
    out->csrf = form_value(query, "_csrf_token");
    out->poll = head_field(head, "X-Phoenix-Longpoll-Token", &tokens);
    if (tokens > 1)
        return upgrade_no(out, 400, "two tokens");
    if (!out->poll.len)
        out->poll = form_value(query, "token");
    return true;
}

static bool read_bearer(const struct head *head, struct upgrade *out)
{
    size_t count;
    out->bearer = head_field(head, "X-Phoenix-AuthToken", &count);
    if (count > 1 || out->bearer.len > BEARER_MAX || (count && !out->bearer.len))
        return refuse_json(out, 403, "bearer");
    return true;
}

/* Its length must be known: what is encoded in another way has no place here. */
static bool read_length(const struct config *config, const struct head *head, struct upgrade *out)
{
    size_t codings, lengths;
    int64_t length;
    head_field(head, "Transfer-Encoding", &codings);
    struct text value = head_field(head, "Content-Length", &lengths);
    if (codings || lengths != 1)
        return upgrade_no(out, 411, "length");
    if (!text_number(value, config->limits_body * ASKED_BODY_TIMES, &length))
        return refuse_json(out, 500, "body too large");
    out->body = (size_t)length;
    return true;
}

static bool judge_options(const struct head *head, struct upgrade *out)
{
    if (!out->from_ours)
        return upgrade_no(out, 403, "origin");
    out->wanted = head_field(head, "Access-Control-Request-Headers", NULL);
    if (out->wanted.len > WANTED_MAX)
        return upgrade_no(out, 400, "too many headers");
    out->kind = UPGRADE_ASKED;
    return true;
}

static bool judge_poll(const struct config *config, struct arena *arena, const struct head *head, struct upgrade *out)
{
    bool get = text_is(head->method, "GET"), post = text_is(head->method, "POST");
    if (!get && !post && !text_is(head->method, "OPTIONS")) {
        out->allow = "GET, POST, OPTIONS";
        return upgrade_no(out, 405, "method");
    }
    if (!post && head_has_body(head))
        return upgrade_no(out, 400, "body");
    if (!check_origin(config, head, out)) {
        out->in_json = get || post;
        return false;
    }
    if (!get && !post)
        return judge_options(head, out);
    if (!read_query(arena, head, out) || !read_bearer(head, out) || (post && !read_length(config, head, out)))
        return false;
    upgrade_read_cookie(config, arena, head, out);
    out->kind = get ? UPGRADE_POLL : UPGRADE_POST;
    return true;
}

void asked_poll(const struct config *config, struct arena *arena, const struct head *head, struct upgrade *out)
{
    out->no_body = text_is(head->method, "HEAD");
    (void)judge_poll(config, arena, head, out);
}

/* --- the stream --- */

/* A page of another site must not show it in a frame of its own (a policy in the answer says the same), nor fetch it.
 */
static bool comes_from_elsewhere(const struct head *head)
{
    size_t sites, modes;
    struct text site = head_field(head, "Sec-Fetch-Site", &sites), mode = head_field(head, "Sec-Fetch-Mode", &modes);
    bool ours = sites == 0 || (sites == 1 && (text_is(site, "same-origin") || text_is(site, "none")));
    return !ours || modes > 1 || (modes == 1 && !text_is(mode, "navigate"));
}

static bool judge_stream(const struct config *config, struct arena *arena, const struct head *head, struct upgrade *out)
{
    struct form *query = arena_alloc(arena, sizeof *query);
    struct text rest = upgrade_path(config, head->path);
    if (!text_is(head->method, "GET")) {
        out->allow = "GET";
        return upgrade_no(out, 405, "method");
    }
    text_split(&rest, '/');
    out->slug = text_split(&rest, '/');
    if (!out->slug.len || out->slug.len > SLUG_MAX || !text_is(rest, "stream"))
        return upgrade_no(out, 404, "path");
    if (comes_from_elsewhere(head))
        return upgrade_no(out, 403, "another site");
    out->after = -1;
    if (!form_parse(arena, head->query, query) ||
        (form_has(query, "after") && !text_number(form_value(query, "after"), INT64_MAX, &out->after)))
        return upgrade_no(out, 400, "query");
    upgrade_read_cookie(config, arena, head, out);
    out->kind = UPGRADE_STREAM;
    return true;
}

void asked_stream(const struct config *config, struct arena *arena, const struct head *head, struct upgrade *out)
{
    out->no_body = text_is(head->method, "HEAD");
    (void)judge_stream(config, arena, head, out);
}
