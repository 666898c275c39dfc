/* relay/upgrade.c: which requests become a WebSocket, and with which credentials. */
#include "relay/upgrade.h"

#include "base/arena.h"
#include "relay/head.h"
#include "../support/settings.h"
#include "../support/tap.h"

#define SHAKE                                                                                                          \
    "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"                                       \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ORIGIN "Origin: https://chat.example.org\r\n"
#define COOKIE "Cookie: a=b; __Host-confab=tok.en\r\n"

static struct arena *arena;
static const struct config *config;
static struct upgrade got;

static void judge(const char *request)
{
    struct head head;
    if (head_parse(text_of(request), &head) != HEAD_DONE)
        got = (struct upgrade){ .kind = UPGRADE_REFUSED, .status = -1 };
    else
        upgrade_judge(config, arena, &head, TEXT(""), &got);
}

/* GET of the websocket with vsn, fields and more of the query. */
static void shake(const char *fields, const char *query)
{
    judge(arena_printf(arena, "GET /chat/live/websocket?vsn=2.0.0%s HTTP/1.1\r\nHost: a\r\n" SHAKE "%s\r\n", query,
                       fields));
}

static bool accepted(void)
{
    return got.kind == UPGRADE_WEBSOCKET;
}

static bool refused(int status)
{
    return got.kind == UPGRADE_REFUSED && got.status == status;
}

static void test_paths(void)
{
    shake("", "");
    ok(accepted(), "a guest without anything is let in");
    is(got.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "with the right key");
    ok(!got.cookie.len && !got.bearer.len && !got.phoenix, "and no credentials");
    judge("GET /live/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: a\r\n" SHAKE "\r\n");
    ok(refused(404), "outside the base path there is nothing");
    judge("GET /chat/live/websocket/ HTTP/1.1\r\nHost: a\r\n" SHAKE "\r\n");
    ok(refused(404), "nor below");
    judge("POST /chat/live/websocket HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    ok(refused(405) && got.allow && strcmp(got.allow, "GET") == 0, "another method: 405, and which are allowed");
    judge("GET /chat/live/healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    ok(got.kind == UPGRADE_HEALTH, "the health page");
    judge("DELETE /chat/live/healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    ok(refused(405) && strcmp(got.allow, "GET, HEAD") == 0, "is only read");
    judge("GET /chat/live/healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    ok(refused(400), "a GET with a body is refused");
}

static void test_handshakes(void)
{
    static const char *const bad[] = {
        "Connection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Upgrade: h2c\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        "????????????????????????\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        judge(arena_printf(arena, "GET /chat/live/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: a\r\n%s\r\n", bad[i]));
        ok(refused(400), "no handshake (%zu)", i);
    }
    judge("GET /chat/live/websocket?vsn=1.0.0 HTTP/1.1\r\nHost: a\r\n" SHAKE "\r\n");
    ok(refused(403), "the first version of the protocol is refused");
    judge("GET /chat/live/websocket HTTP/1.1\r\nHost: a\r\n" SHAKE "\r\n");
    ok(refused(403), "so is none, which means the first");
    shake("", "&vsn=2.0.0");
    ok(refused(400), "a parameter that is there twice is refused");
    shake("", "&&a=%41&");
    ok(accepted(), "empty pieces are passed over");
}

static void test_origins(void)
{
    static const char *const bad[] = {
        "null",
        "http://chat.example.org",
        "https://chat.example.org.evil.org",
        "https://evil-chat.example.org",
        "https://chat.example.org:8443",
        "https://chat.example.org/",
        "https://user@chat.example.org",
        "https://CHAT.example.org",
        "https://chat.example.orG",
        "",
        "https://example.org",
        "https://xchat.example.org",
    };
    shake(ORIGIN, "");
    ok(accepted(), "our own origin is let in");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        shake(arena_printf(arena, "Origin: %s\r\n", bad[i]), "");
        ok(refused(403), "origin `%s` is refused", bad[i]);
    }
    shake(ORIGIN ORIGIN, "");
    ok(refused(403), "two origins are refused");
    shake(COOKIE, "");
    ok(refused(403), "a cookie without origin is refused");
    shake("Cookie: other=1\r\n", "");
    ok(accepted() && !got.cookie.len, "other cookies do not matter");
}

static void test_credentials(void)
{
    shake(ORIGIN COOKIE, "&_csrf_token=t%2Bk");
    ok(accepted() && text_is(got.cookie, "__Host-confab=tok.en"), "of the cookies only ours is kept");
    ok(text_is(got.csrf, "t+k"), "the CSRF token comes from the query");
    shake(ORIGIN COOKIE COOKIE, "");
    ok(accepted() && text_is(got.cookie, "__Host-confab="), "two of ours: none is believed, and none is forgotten");
    shake("", "&token=jwt");
    ok(accepted() && text_is(got.bearer, "jwt"), "a token in the query");
    shake("Sec-WebSocket-Protocol: phoenix,base64url.bearer.phx.czNjcit0Lw\r\n", "");
    ok(accepted() && got.phoenix && text_is(got.bearer, "s3cr+t/"), "a token among the subprotocols");
    shake("Sec-WebSocket-Protocol: phoenix\r\nSec-WebSocket-Protocol: base64url.bearer.phx.-_-_\r\n", "");
    ok(accepted() && got.bearer.len == 3 && memcmp(got.bearer.at, "\xFB\xFF\xBF", 3) == 0, "in either alphabet");
    shake("Sec-WebSocket-Protocol: phoenix, base64url.bearer.phx.+/+/\r\n", "");
    ok(accepted() && got.bearer.len == 3 && memcmp(got.bearer.at, "\xFB\xFF\xBF", 3) == 0, "in the other");
    shake("Sec-WebSocket-Protocol: phoenix, base64url.bearer.phx.!\r\n", "");
    ok(refused(403), "a token that is none is not passed over");
    shake("Sec-WebSocket-Protocol: graphql-ws\r\n", "");
    ok(refused(403), "another subprotocol is refused");
    shake("Sec-WebSocket-Protocol: base64url.bearer.phx.czNj\r\n", "");
    ok(refused(403), "and a token alone, as nothing could be answered");
    shake("X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n", "");
    ok(text_is(got.address, "5.6.7.8"), "the address is what our front end saw");
}

/* --- what is no WebSocket --- */

#define POLL "/chat/live/longpoll?vsn=2.0.0"

/* A request to the long poll with fields of its head, and more of the query. */
static void poll(const char *method, const char *query, const char *fields)
{
    judge(arena_printf(arena, "%s " POLL "%s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, query, fields));
}

static void test_polls(void)
{
    poll("GET", "&", "");
    ok(got.kind == UPGRADE_POLL && !got.poll.came.token.len && !got.poll.came.post, "a first poll has no token");
    poll("GET", "&token=t.k&_csrf_token=c", COOKIE "Sec-Fetch-Site: same-origin\r\n");
    ok(text_is(got.poll.came.token, "t.k") && text_is(got.poll.came.csrf, "c") &&
           text_is(got.poll.came.credentials.cookie, "__Host-confab=tok.en") &&
           text_is(got.poll.came.fetch_site, "same-origin"),
       "what came is told: token, cookie, CSRF token, and what the browser says");
    poll("GET", "", "X-Phoenix-Longpoll-Token: h.t\r\nX-Phoenix-AuthToken: a.b\r\n");
    ok(text_is(got.poll.came.token, "h.t") && text_is(got.poll.came.credentials.bearer, "a.b"),
       "the tokens may stand in fields");
    poll("GET", "&token=t.k", "X-Phoenix-Longpoll-Token: h.t\r\n");
    ok(text_is(got.poll.came.token, "t.k"), "that of the query goes before");
    poll("GET", "", ORIGIN);
    ok(got.kind == UPGRADE_POLL && got.poll.from_ours, "our own origin is known");
    poll("GET", "", "Origin: https://evil.example\r\n");
    ok(!got.poll.from_ours && text_is(got.poll.came.origin, "https://evil.example"), "another is told too");
    poll("GET", "", ORIGIN ORIGIN);
    ok(refused(400) && !got.in_json, "two origins are none");
    poll("GET", "&token=a&token=b", "");
    ok(refused(400), "nor are two tokens");
    poll("GET", "", "Content-Length: 2\r\n");
    ok(refused(400), "a GET has no body");
}

static void test_posts(void)
{
    poll("POST", "&token=t", "Content-Length: 20\r\n");
    ok(got.kind == UPGRADE_POST && got.poll.body == 20 && got.poll.came.post, "a POST says how long its body is");
    poll("POST", "&token=t", "Content-Length: 0\r\n");
    ok(got.kind == UPGRADE_POST && got.poll.body == 0, "which may be nothing");
    poll("POST", "&token=t", "");
    ok(refused(411), "one that does not say so is refused");
    poll("POST", "&token=t", "Transfer-Encoding: chunked\r\n");
    ok(refused(411), "in whatever way it is encoded");
    poll("POST", "&token=t", "Content-Length: 1048577\r\n");
    ok(refused(500) && got.in_json, "a long one is refused in the words of the protocol");
    poll("POST", "&token=t", "Content-Length: 1048576\r\n");
    ok(got.kind == UPGRADE_POST, "but not one of a mebibyte");
    poll("PUT", "", "");
    ok(refused(405) && strcmp(got.allow, "GET, POST, OPTIONS") == 0, "other methods are refused");
    poll("HEAD", "", "");
    ok(refused(405) && got.no_body, "HEAD as well");
    poll("OPTIONS", "", ORIGIN "Access-Control-Request-Headers: content-type\r\n");
    ok(got.kind == UPGRADE_ASKED && got.poll.from_ours && text_is(got.poll.wanted, "content-type"),
       "OPTIONS is answered");
    poll("OPTIONS", "", "Origin: null\r\n");
    ok(got.kind == UPGRADE_ASKED && !got.poll.from_ours, "to others without leave");
}

static void stream(const char *path, const char *fields)
{
    judge(arena_printf(arena, "GET /chat/rooms/%s HTTP/1.1\r\nHost: a\r\n%s\r\n", path, fields));
}

static void test_streams(void)
{
    stream("lobby/stream?after=57", "");
    ok(got.kind == UPGRADE_STREAM && text_is(got.slug, "lobby") && got.after == 57 && !got.begin, "a stream of a room");
    stream("lobby/stream?after=57&begin", COOKIE "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n");
    ok(got.kind == UPGRADE_STREAM && got.begin && text_is(got.cookie, "__Host-confab=tok.en"),
       "as a frame asks for it");
    stream("lobby/stream", "Sec-Fetch-Site: none\r\n");
    ok(got.kind == UPGRADE_STREAM && got.after == -1, "or a person");
    static const char *const elsewhere[] = { "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n",
                                             "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n",
                                             "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n" };
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        stream("lobby/stream?after=1", elsewhere[i]);
        ok(refused(403), "not from another site, nor by a script: %zu", i + 1);
    }
    static const char *const bad[] = { "lobby/stream?after=-1", "lobby/stream?after=", "lobby/stream?after=1&after=2" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        stream(bad[i], "");
        ok(refused(400), "a place that is none: %s", bad[i]);
    }
    static const char *const missing[] = { "/stream", "lobby/a/stream", "lobby/stream/", "lobby/upstream" };
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        stream(missing[i], "");
        ok(refused(404), "no stream: %s", missing[i]);
    }
    judge("POST /chat/rooms/lobby/stream HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    ok(refused(405), "it is only read");
}

int main(void)
{
    arena = arena_new();
    config = settings(arena, "[site]\nurl = https://chat.example.org/chat/\n[session]\nkeys = " SETTINGS_KEY_A "\n");
    test_paths();
    test_handshakes();
    test_origins();
    test_credentials();
    test_polls();
    test_posts();
    test_streams();
    arena_free(&arena);
    return done();
}
