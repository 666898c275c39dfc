#include "cgi-bin/answer.h"

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "cgi-bin/gateway.h"

/* What ours take. */
enum { HEADERS_USUAL = 2 * 1024 };

struct answer answer_new(void)
{
    struct answer answer = { .status = 200, .headers = buffer_new(ANSWER_HEADERS_MAX), .body = buffer_new(ANSWER_MAX) };
    buffer_expect(&answer.headers, HEADERS_USUAL);
    return answer;
}

void answer_free(struct answer *answer)
{
    buffer_free(&answer->headers);
    buffer_free(&answer->body);
}

void answer_reset(struct answer *answer)
{
    answer->status = 200;
    answer->framed = false;
    buffer_clear(&answer->headers);
    buffer_clear(&answer->body);
}

void answer_header(struct answer *answer, const char *name, struct text value)
{
    for (size_t i = 0; i < value.len; i++)
        must(value.at[i] != '\r' && value.at[i] != '\n' && value.at[i] != '\0');
    buffer_string(&answer->headers, name);
    buffer_string(&answer->headers, ": ");
    buffer_text(&answer->headers, value);
    buffer_string(&answer->headers, "\r\n");
    must(!answer->headers.full);
}

void answer_redirect(struct answer *answer, int status, struct text location)
{
    answer->status = status;
    buffer_clear(&answer->body);
    answer_header(answer, "Location", location);
}

const char *answer_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 302: return "Found";
    case 303: return "See Other";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: must_failed("answer_reason knows the status", __FILE__, __LINE__);
    }
}

/* Scripts, styles, pictures and connections of our own only; `self` does not mean ws: in every browser. */
static const char *policy(const struct config *config, struct arena *arena, bool framed)
{
    struct text host = config->origin;
    size_t scheme = config->secure ? 8 : 7;
    host.at += scheme, host.len -= scheme;
    return arena_printf(
        arena,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self' ws%s://%.*s; frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "object-src 'none'; frame-ancestors '%s'",
        config->secure ? "s" : "", TEXT_ARGS(host), framed ? "self" : "none");
}

static void add_security(struct answer *answer, struct arena *arena, const struct config *config)
{
    answer_header(answer, "Content-Security-Policy", text_of(policy(config, arena, answer->framed)));
    answer_header(answer, "X-Content-Type-Options", TEXT("nosniff"));
    answer_header(answer, "X-Frame-Options", answer->framed ? TEXT("SAMEORIGIN") : TEXT("DENY"));
    /* Not no-referrer: it would make browsers send `Origin: null` with our own forms (Fetch, 3.2). */
    answer_header(answer, "Referrer-Policy", TEXT("same-origin"));
    answer_header(answer, "Cross-Origin-Opener-Policy", TEXT("same-origin"));
    answer_header(answer, "Cross-Origin-Resource-Policy", TEXT("same-origin"));
    answer_header(answer, "Permissions-Policy", TEXT("camera=(), geolocation=(), microphone=()"));
    answer_header(answer, "Cache-Control", TEXT("no-store"));
    if (config->secure)
        answer_header(answer, "Strict-Transport-Security", TEXT("max-age=31536000"));
}

bool answer_send(struct answer *answer, struct arena *arena, const struct config *config, struct gateway *gateway,
                 bool head)
{
    must(!answer->body.full);
    add_security(answer, arena, config);
    /* RFC 9110 8.6: a 204 has no length */
    if (answer->status != 204)
        answer_header(answer, "Content-Length", text_of(arena_printf(arena, "%zu", answer->body.len)));
    answer_header(answer, "Status",
                  text_of(arena_printf(arena, "%d %s", answer->status, answer_reason(answer->status))));
    buffer_string(&answer->headers, "\r\n");
    must(!answer->headers.full);
    return gateway_write(gateway, buffer_view(&answer->headers), head ? TEXT("") : buffer_view(&answer->body));
}
