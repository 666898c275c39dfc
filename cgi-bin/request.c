/* The path comes from REQUEST_URI: servers disagree about SCRIPT_NAME and PATH_INFO (SECURITY 7.1). */
#include "cgi-bin/request.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/must.h"
#include "base/utf8.h"
#include "cgi-bin/gateway.h"
#include "web/json_depth.h"

static const char *new_id(struct arena *arena)
{
    unsigned char bytes[8];
    char *id = arena_alloc(arena, 2 * sizeof bytes + 1);
    randombytes_buf(bytes, sizeof bytes);
    return sodium_bin2hex(id, 2 * sizeof bytes + 1, bytes, sizeof bytes);
}

static bool contains(struct text text, const char *part)
{
    struct text want = text_of(part);
    for (size_t i = 0; i + want.len <= text.len; i++)
        if (text_is_nocase((struct text){ text.at + i, want.len }, part))
            return true;
    return false;
}

/* Below the base path, or empty: not ours. "/chat" itself counts as its root. */
static struct text below_base(const struct config *config, struct text path)
{
    struct text base = config->base;
    if (path.len + 1 == base.len && text_equal(path, (struct text){ base.at, base.len - 1 }))
        return TEXT("/");
    if (path.len < base.len || !text_equal((struct text){ path.at, base.len }, base))
        return TEXT("");
    return (struct text){ path.at + base.len - 1, path.len - base.len + 1 };
}

static int read_target(struct request *request)
{
    struct arena *arena = request->scope.arena;
    struct text query = gateway_variable(request->gateway, "REQUEST_URI"), raw, path;
    request->target = query;
    raw = text_split(&query, '?');
    if (raw.len == 0 || raw.at[0] != '/' || raw.len > PATH_MAX_BYTES || query.len > QUERY_MAX_BYTES)
        return 400;
    if (!text_percent_decode(arena, raw, false, &path) || !utf8_valid(path) || utf8_has_control(path))
        return 400;
    if (!form_parse(arena, query, &request->query))
        return 400;
    request->path = below_base(request->scope.config, path);
    request->api = text_starts(request->path, "/api/");
    return 0;
}

static void read_method(struct request *request)
{
    request->method_name = gateway_variable(request->gateway, "REQUEST_METHOD");
    request->head = text_is(request->method_name, "HEAD");
    request->method = request->head || text_is(request->method_name, "GET") ? METHOD_GET
                      : text_is(request->method_name, "POST")               ? METHOD_POST
                      : text_is(request->method_name, "DELETE")             ? METHOD_DELETE
                      : text_is(request->method_name, "PATCH")              ? METHOD_PATCH
                      : text_is(request->method_name, "PUT")                ? METHOD_PATCH
                      : text_is(request->method_name, "OPTIONS")            ? METHOD_OPTIONS
                                                                            : METHOD_OTHER;
}

int request_read(struct request *request, struct gateway *gateway)
{
    request->gateway = gateway;
    request->id = new_id(request->scope.arena);
    request->scope.now = clock_now();
    request->scope.address = gateway_variable(gateway, "REMOTE_ADDR");
    request->origin = gateway_variable(gateway, "HTTP_ORIGIN");
    request->fetch_site = gateway_variable(gateway, "HTTP_SEC_FETCH_SITE");
    request->content_type = gateway_variable(gateway, "CONTENT_TYPE");
    read_method(request);
    struct text accept = gateway_variable(gateway, "HTTP_ACCEPT");
    request->wants_json = !contains(accept, "text/html") &&
                          (contains(accept, "application/json") || contains(accept, "application/problem+json"));
    int refused = read_target(request);
    request->wants_json = request->wants_json || request->api;
    if (!request->api && (request->method == METHOD_PATCH || request->method == METHOD_DELETE))
        request->method = METHOD_OTHER; /* forms say it in _method, with their token */
    return refused;
}

/* CONTENT_LENGTH, -1 when there is none (a chunked body behind some servers), -2 when it is no number. */
static int64_t content_length(const struct request *request)
{
    struct text length = gateway_variable(request->gateway, "CONTENT_LENGTH");
    int64_t number;
    if (length.len == 0)
        return -1;
    return text_number(length, INT64_MAX, &number) ? number : -2;
}

static bool is_type(struct text content_type, const char *type)
{
    struct text rest = content_type;
    return text_is_nocase(text_strip(text_split(&rest, ';')), type);
}

int request_read_body(struct request *request, const char *type, int64_t limit, struct text *out)
{
    int64_t length = content_length(request);
    if (length == -2)
        return 400;
    if (length > limit)
        return 413;
    if (type && !is_type(request->content_type, type))
        return 415;
    size_t size = length >= 0 ? (size_t)length : (size_t)limit + 1;
    char *bytes = arena_alloc(request->scope.arena, size + 1);
    size_t got = gateway_read(request->gateway, bytes, size);
    if (length >= 0 ? got != size : got > (size_t)limit)
        return length >= 0 ? 400 : 413;
    *out = (struct text){ bytes, got };
    return 0;
}

int request_read_form(struct request *request)
{
    struct text body;
    int status =
        request_read_body(request, "application/x-www-form-urlencoded", request->scope.config->limits_body, &body);
    if (status)
        return status;
    return form_parse(request->scope.arena, body, &request->body) ? 0 : 400;
}

static void release(void *json)
{
    json_decref(json);
}

int request_read_json(struct request *request)
{
    struct text body;
    int status = request_read_body(request, "application/json", request->scope.config->limits_body, &body);
    if (status)
        return status;
    if (!json_shallow(body))
        return 400;
    request->json = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
    arena_own(request->scope.arena, request->json, release);
    return json_is_object(request->json) ? 0 : 400;
}

const char *request_path(const struct request *request, const char *format, ...)
{
    struct text base = request->scope.config->base;
    char path[PATH_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    must(len >= 0 && (size_t)len < sizeof path);
    char *whole = arena_alloc(request->scope.arena, base.len + (size_t)len + 1);
    memcpy(whole, base.at, base.len);
    memcpy(whole + base.len, path, (size_t)len);
    return whole;
}

bool request_same_origin(const struct request *request)
{
    if (request->fetch_site.len)
        return text_is(request->fetch_site, "same-origin");
    return text_equal(request->origin, request->scope.config->origin);
}
