#include "relay/upgrade.h"

#include <sodium.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "relay/asked.h"
#include "relay/head.h"
#include "relay/websocket.h"
#include "web/cookie.h"
#include "web/form.h"

enum { BEARER_MAX = 4096 };

bool upgrade_no(struct upgrade *out, int status, const char *reason)
{
    out->kind = UPGRADE_REFUSED;
    out->status = status;
    out->reason = reason;
    return false;
}

/* --- fields --- */

/* Several fields of one name are one list. */
static struct text joined(struct arena *arena, const struct head *head, const char *name, const char *between)
{
    const char *all = "";
    for (size_t i = 0; i < head->field_count; i++)
        if (text_is_nocase(head->fields[i].name, name))
            all = arena_printf(arena, "%s%s%.*s", all, *all ? between : "", TEXT_ARGS(head->fields[i].value));
    return text_of(all);
}

/* The last of X-Forwarded-For is what our own front end saw; what stands before it was claimed by somebody else. */
static struct text client_address(struct arena *arena, const struct head *head, struct text peer)
{
    struct text rest = joined(arena, head, "X-Forwarded-For", ","), last = TEXT("");
    if (peer.len)
        return peer;
    while (rest.len)
        last = text_strip(text_split(&rest, ','));
    return last;
}

/* 16 bytes in base64: 22 characters and two of padding. */
static bool key_valid(struct text key)
{
    unsigned char bytes[16];
    size_t len;
    return key.len == 24 &&
           sodium_base642bin(bytes, sizeof bytes, key.at, key.len, NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) ==
               0 &&
           len == sizeof bytes;
}

static bool check_handshake(const struct head *head, struct upgrade *out)
{
    struct text key = head_field(head, "Sec-WebSocket-Key", NULL);
    if (!head->http11 || !head_has_token(head, "Upgrade", "websocket") ||
        !head_has_token(head, "Connection", "upgrade"))
        return upgrade_no(out, 400, "no websocket");
    if (!text_is(head_field(head, "Sec-WebSocket-Version", NULL), "13"))
        return upgrade_no(out, 400, "websocket version");
    if (!key_valid(key))
        return upgrade_no(out, 400, "websocket key");
    websocket_accept_key(key, out->accept);
    return true;
}

/* --- credentials --- */

/* The token behind "base64url.bearer.phx." is base64 without padding; the alphabet is the standard one in spite of the
 * name (WIRE-PROTOCOL 1.4), and the other one is taken too. */
static bool decode_bearer(struct arena *arena, struct text coded, struct text *out)
{
    unsigned char *bytes = arena_alloc(arena, BEARER_MAX);
    struct text safe = text_copy(arena, coded);
    char *at = arena_copy(arena, coded.at, coded.len);
    while (safe.len && at[safe.len - 1] == '=')
        safe.len--;
    for (size_t i = 0; i < safe.len; i++)
        at[i] = (char)(at[i] == '+' ? '-' : at[i] == '/' ? '_' : at[i]);
    safe.at = at;
    out->at = (char *)bytes;
    return text_unbase64url(safe, bytes, BEARER_MAX, &out->len) && out->len > 0;
}

static bool read_protocols(struct arena *arena, const struct head *head, struct upgrade *out)
{
    static const char bearer[] = "base64url.bearer.phx.";
    struct text rest = joined(arena, head, "Sec-WebSocket-Protocol", ",");
    bool others = false;
    while (rest.len) {
        struct text offered = text_strip(text_split(&rest, ','));
        size_t len = sizeof bearer - 1;
        if (text_is(offered, "phoenix"))
            out->phoenix = true;
        else if (!text_starts(offered, bearer))
            others = others || offered.len > 0;
        else if (out->bearer.len ||
                 !decode_bearer(arena, (struct text){ offered.at + len, offered.len - len }, &out->bearer))
            return upgrade_no(out, 403, "bearer");
    }
    /* With a bearer alone there is no protocol that could be answered. */
    if ((others || out->bearer.len) && !out->phoenix)
        return upgrade_no(out, 403, "subprotocol");
    return true;
}

static bool read_query(struct arena *arena, const struct head *head, struct upgrade *out)
{
    struct form *query = arena_alloc(arena, sizeof *query);
    if (!form_parse(arena, head->query, query))
        return upgrade_no(out, 400, "query");
    if (!text_starts(form_value(query, "vsn"), "2.0."))
        return upgrade_no(out, 403, "vsn");
    out->csrf = form_value(query, "_csrf_token");
    if (!out->bearer.len)
        out->bearer = form_value(query, "token");
    return true;
}

void upgrade_read_cookie(const struct config *config, struct arena *arena, const struct head *head, struct upgrade *out)
{
    struct text value, header = joined(arena, head, "Cookie", "; ");
    if (header.len <= COOKIE_HEADER_MAX && cookie_find(config, header, &value))
        out->cookie = text_of(arena_printf(arena, "%s=%.*s", cookie_name(config), TEXT_ARGS(value)));
}

/* A browser always says where a page came from. What does not is no browser, and then has no business with a cookie. */
static bool check_origin(const struct config *config, const struct head *head, struct upgrade *out)
{
    size_t count;
    struct text origin = head_field(head, "Origin", &count);
    if (count == 0 && !out->cookie.len)
        return true;
    if (count == 1 && text_equal(origin, config->origin))
        return true;
    return upgrade_no(out, 403, count ? "origin" : "cookie without origin");
}

static bool judge_websocket(const struct config *config, struct arena *arena, const struct head *head,
                            struct upgrade *out)
{
    if (!text_is(head->method, "GET")) {
        out->allow = "GET";
        return upgrade_no(out, 405, "method");
    }
    if (!check_handshake(head, out) || !read_protocols(arena, head, out) || !read_query(arena, head, out))
        return false;
    upgrade_read_cookie(config, arena, head, out);
    if (!check_origin(config, head, out))
        return false;
    out->kind = UPGRADE_WEBSOCKET;
    return true;
}

static void judge_health(const struct head *head, struct upgrade *out)
{
    out->no_body = text_is(head->method, "HEAD");
    out->kind = UPGRADE_HEALTH;
    if (text_is(head->method, "GET") || out->no_body)
        return;
    out->allow = "GET, HEAD";
    upgrade_no(out, 405, "method");
}

struct text upgrade_path(const struct config *config, struct text path)
{
    size_t base = config->base.len;
    if (path.len < base || memcmp(path.at, config->base.at, base) != 0)
        return TEXT("");
    return (struct text){ path.at + base, path.len - base };
}

void upgrade_judge(const struct config *config, struct arena *arena, const struct head *head, struct text peer,
                   struct upgrade *out)
{
    *out = (struct upgrade){ .kind = UPGRADE_REFUSED, .address = client_address(arena, head, peer) };
    bool get = text_is(head->method, "GET") || text_is(head->method, "HEAD");
    struct text path = upgrade_path(config, head->path);
    if (get && head_has_body(head))
        upgrade_no(out, 400, "body");
    else if (text_is(path, "live/websocket"))
        judge_websocket(config, arena, head, out);
    else if (text_is(path, "live/longpoll"))
        asked_poll(config, arena, head, out);
    else if (text_is(path, "live/healthz"))
        judge_health(head, out);
    else if (text_starts(path, "rooms/") && text_ends(path, "/stream"))
        asked_stream(config, arena, head, out);
    else
        upgrade_no(out, 404, "path");
}

/* --- answers --- */

void upgrade_accept(const struct upgrade *upgrade, struct buffer *out)
{
    buffer_printf(out,
                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                  upgrade->accept, upgrade->phoenix ? "Sec-WebSocket-Protocol: phoenix\r\n" : "");
}

static const char *status_words(int status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 429: return "Too Many Requests";
    default: return "Service Unavailable";
    }
}

void upgrade_answer(struct buffer *out, int status, const char *type, struct text body, const char *allow, bool no_body)
{
    buffer_printf(out,
                  "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nX-Content-Type-Options: nosniff\r\n"
                  "Cache-Control: no-store\r\nConnection: close\r\n",
                  status, status_words(status), type, body.len);
    if (allow)
        buffer_printf(out, "Allow: %s\r\n", allow);
    if (status == 429 || status == 503)
        buffer_string(out, "Retry-After: 5\r\n");
    buffer_string(out, "\r\n");
    if (!no_body)
        buffer_text(out, body);
}

void upgrade_refuse(struct buffer *out, int status, const char *allow, bool no_body)
{
    char body[40];
    int len = snprintf(body, sizeof body, "%s\n", status_words(status));
    upgrade_answer(out, status, "text/plain; charset=utf-8", (struct text){ body, (size_t)len }, allow, no_body);
}

static void add_origin(struct buffer *out, struct text origin)
{
    if (origin.len)
        buffer_printf(out, "Access-Control-Allow-Origin: %.*s\r\nVary: Origin\r\n", TEXT_ARGS(origin));
}

void upgrade_json(struct buffer *out, struct text origin, struct text json)
{
    buffer_printf(out,
                  "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n"
                  "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n",
                  json.len);
    add_origin(out, origin);
    buffer_string(out, "\r\n");
    buffer_text(out, json);
}

void upgrade_options(const struct upgrade *upgrade, struct text origin, struct buffer *out)
{
    buffer_string(out, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAllow: GET, POST, OPTIONS\r\n"
                       "Cache-Control: no-store\r\nConnection: close\r\n");
    if (origin.len)
        buffer_string(out, "Access-Control-Allow-Methods: GET, POST, OPTIONS\r\nAccess-Control-Max-Age: 3600\r\n");
    if (origin.len && upgrade->poll.wanted.len)
        buffer_printf(out, "Access-Control-Allow-Headers: %.*s\r\n", TEXT_ARGS(upgrade->poll.wanted));
    add_origin(out, origin);
    buffer_string(out, "\r\n");
}
