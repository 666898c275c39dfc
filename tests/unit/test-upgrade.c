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

int main(void)
{
    arena = arena_new();
    config = settings(arena, "[site]\nurl = https://chat.example.org/chat/\n[session]\nkeys = " SETTINGS_KEY_A "\n");
    test_paths();
    test_handshakes();
    test_origins();
    test_credentials();
    arena_free(&arena);
    return done();
}
