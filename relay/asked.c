#include "relay/asked.h"

#include "base/arena.h"
#include "base/config.h"
#include "live/poll.h"
#include "relay/head.h"
#include "relay/upgrade.h"
#include "web/form.h"

enum { WANTED_MAX = 500, SLUG_MAX = 100 };

static bool refuse_json(struct upgrade *out, int status, const char *reason)
{
    out->in_json = true;
    return upgrade_no(out, status, reason);
}

/* --- the long poll --- */

/* The only one of its name, or empty; *good becomes false if there are more. */
static struct text only(const struct head *head, const char *name, bool *good)
{
    size_t count;
    struct text value = head_field(head, name, &count);
    *good = *good && count <= 1;
    return value;
}

static bool read_poll(struct arena *arena, const struct head *head, struct upgrade *out)
{
    struct form *query = arena_alloc(arena, sizeof *query);
    bool good = form_parse(arena, head->query, query);
    out->poll.came = (struct poll_came){ .token = form_value(query, "token"),
                                         .vsn = form_value(query, "vsn"),
                                         .csrf = form_value(query, "_csrf_token"),
                                         .origin = only(head, "Origin", &good),
                                         .fetch_site = only(head, "Sec-Fetch-Site", &good),
                                         .post = text_is(head->method, "POST") };
    struct text token = only(head, "X-Phoenix-Longpoll-Token", &good);
    out->poll.came.credentials.bearer = only(head, "X-Phoenix-AuthToken", &good);
    if (!out->poll.came.token.len)
        out->poll.came.token = token;
    return good || upgrade_no(out, 400, "query or fields");
}

/* Its length must be known: what is encoded in another way has no place here. */
static bool read_length(const struct head *head, struct upgrade *out)
{
    size_t codings, lengths;
    int64_t length;
    head_field(head, "Transfer-Encoding", &codings);
    struct text value = head_field(head, "Content-Length", &lengths);
    if (codings || lengths != 1)
        return upgrade_no(out, 411, "length");
    if (!text_number(value, POLL_BODY_MAX, &length))
        return refuse_json(out, 500, "body too large");
    out->poll.body = (size_t)length;
    return true;
}

/* What another site may send: nothing, and so it is told nothing. */
static bool judge_options(const struct config *config, const struct head *head, struct upgrade *out)
{
    size_t count;
    struct text origin = head_field(head, "Origin", &count);
    out->poll.from_ours = count == 1 && text_equal(origin, config->origin);
    out->poll.wanted = head_field(head, "Access-Control-Request-Headers", NULL);
    if (out->poll.wanted.len > WANTED_MAX)
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
    if (!get && !post)
        return judge_options(config, head, out);
    if (!read_poll(arena, head, out) || (post && !read_length(head, out)))
        return false;
    upgrade_read_cookie(config, arena, head, out);
    out->poll.came.credentials.cookie = out->cookie;
    out->poll.from_ours = text_equal(out->poll.came.origin, config->origin);
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
    out->begin = form_has(query, "begin");
    upgrade_read_cookie(config, arena, head, out);
    out->kind = UPGRADE_STREAM;
    return true;
}

void asked_stream(const struct config *config, struct arena *arena, const struct head *head, struct upgrade *out)
{
    out->no_body = text_is(head->method, "HEAD");
    (void)judge_stream(config, arena, head, out);
}
