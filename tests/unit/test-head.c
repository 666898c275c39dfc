/* relay/head.c: what is a request, what is none, fed byte by byte up to the edge of a page. */
#include "relay/head.h"

#include "../support/edge.h"
#include "../support/tap.h"

static struct head head;

/* Parse the first len bytes, at the edge of a page. */
static enum head_state parse(const char *bytes, size_t len)
{
    return head_parse(edge_bytes(bytes, len), &head);
}

static enum head_state whole(const char *request)
{
    return parse(request, strlen(request));
}

/* Every shorter part goes on, and the whole is one. */
static bool grows(const char *request)
{
    size_t len = strlen(request);
    for (size_t i = 0; i < len; i++)
        if (parse(request, i) != HEAD_PARTIAL)
            return false;
    return parse(request, len) == HEAD_DONE && head.len == len;
}

#define HOST "Host: a\r\n"

static void test_good(void)
{
    ok(grows("GET /live/websocket?vsn=2.0.0&a=b HTTP/1.1\r\nHost: a\r\nX-Y:  z \t\r\n\r\n"),
       "a head is done with its last byte");
    ok(text_is(head.method, "GET") && text_is(head.path, "/live/websocket"), "method and path are cut out");
    ok(text_is(head.query, "vsn=2.0.0&a=b") && head.http11, "so are query and version");
    ok(text_is(head_field(&head, "x-y", NULL), "z"), "a field is found in any case, without white space around it");
    ok(head_field(&head, "missing", NULL).len == 0, "what is not there is empty");
    ok(whole("GET / HTTP/1.1\r\nHost: a\r\n\r\n\x81\x05") == HEAD_DONE && head.len == 27,
       "what follows is not part of it");
    ok(whole("GET / HTTP/1.0\r\n\r\n") == HEAD_DONE && !head.http11, "HTTP/1.0 needs no Host");
    whole("GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, Upgrade\r\nConnection: x\r\n\r\n");
    ok(head_has_token(&head, "connection", "upgrade"), "a token is found in a list");
    ok(head_has_token(&head, "Connection", "X"), "and in a second field");
    ok(!head_has_token(&head, "Connection", "grade"), "a part of a token is none");
    ok(whole("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello") == HEAD_DONE && head_has_body(&head),
       "a post may have a body");
    ok(whole("GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n") == HEAD_DONE && !head_has_body(&head),
       "a length of 0 is no body");
}

static void test_bad(void)
{
    static const struct {
        const char *request, *why;
    } bad[] = {
        { "GET / HTTP/1.1\nHost: a\n\n", "bare line feeds" },
        { "GET / HTTP/1.1\r\nHost: a\n\r\n", "one bare line feed" },
        { "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "a bare carriage return" },
        { "GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", "a folded line" },
        { "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "white space before the first field" },
        { "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "white space before the colon" },
        { "GET / HTTP/1.1\r\n: a\r\n\r\n", "a field without name" },
        { "GET / HTTP/1.1\r\nHost\r\n\r\n", "a field without colon" },
        { "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", "a control character in a value" },
        { "GET / HTTP/1.1\r\nX: a\r\n\r\n", "no Host" },
        { "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "two Hosts" },
        { "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "two Hosts in different case" },
        { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "two lengths" },
        { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", "a length with a sign" },
        { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", "a list of lengths" },
        { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", "an empty length" },
        { "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
          "two ways to end a body" },
        { "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "a transfer coding in HTTP/1.0" },
        { "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n", "an upgrade with a length" },
        { "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nTransfer-Encoding: x\r\n\r\n",
          "an upgrade with a coding" },
        { "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Key: x\r\n\r\n", "two keys" },
        { "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "two spaces" },
        { "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "a space behind the version" },
        { "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "another version" },
        { "GET / http/1.1\r\nHost: a\r\n\r\n", "a version in small letters" },
        { "GET /\r\nHost: a\r\n\r\n", "no version" },
        { "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "a whole URL" },
        { "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "an asterisk" },
        { "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", "a byte above ASCII in the path" },
        { "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "a fragment" },
        { "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "a method that is no token" },
        { " / HTTP/1.1\r\nHost: a\r\n\r\n", "no method" },
        { "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "an empty line before it" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(whole(bad[i].request) == HEAD_BAD, "%s: no request", bad[i].why);
    ok(parse("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 30) == HEAD_BAD, "a NUL in a value: no request");
}

static void test_limits(void)
{
    static char request[HEAD_BYTES_MAX + 100];
    memset(request, 'a', sizeof request);
    memcpy(request, "GET /", 5);
    ok(parse(request, HEAD_BYTES_MAX - 1) == HEAD_PARTIAL, "a head may go on below the limit");
    ok(parse(request, HEAD_BYTES_MAX) == HEAD_BAD, "at the limit without an end it is none");
    ok(parse(request, sizeof request) == HEAD_BAD, "nor above it");
    size_t len = (size_t)sprintf(request, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 1; i < HEAD_FIELDS_MAX; i++)
        len += (size_t)sprintf(request + len, "X: y\r\n");
    ok(parse(strcat(request, "\r\n"), len + 2) == HEAD_DONE, "as many fields as may be");
    sprintf(request + len, "X: y\r\n\r\n");
    ok(parse(request, len + 8) == HEAD_BAD, "one more is too many");
}

int main(void)
{
    test_good();
    test_bad();
    test_limits();
    return done();
}
