/* relay/websocket.c: scripted feeds, each whole, byte by byte, and in odd pieces. */
#include "relay/websocket.h"

#include <stdio.h>
#include <stdlib.h>

#include "relay/broadcast.h"
#include "../support/tap.h"

static char story[4000]; /* what happened, in words */

static void tell(const char *what, struct text text)
{
    size_t len = strlen(story);
    if (text.len > 20)
        snprintf(story + len, sizeof story - len, "%s(%zu bytes) ", what, text.len);
    else
        snprintf(story + len, sizeof story - len, "%s(%.*s) ", what, TEXT_ARGS(text));
}

static void text_came(void *context, struct text text)
{
    tell("text", text);
    if (text_is(text, "stop"))
        websocket_stop(context);
}

static void ping_came(void *context, struct text text)
{
    (void)context;
    tell("ping", text);
}

static void close_came(void *context, int code)
{
    char number[20];
    (void)context;
    snprintf(number, sizeof number, "%d", code);
    tell("close", text_of(number));
}

static void failed(void *context, int code, const char *reason)
{
    char number[20];
    (void)context, (void)reason;
    snprintf(number, sizeof number, "%d", code);
    tell("fail", text_of(number));
}

static const struct websocket_events events = { text_came, ping_came, close_came, failed };

struct script {
    unsigned char bytes[300000];
    size_t len;
} script;

static void add(const void *bytes, size_t len)
{
    memcpy(script.bytes + script.len, bytes, len);
    script.len += len;
}

/* A client's frame, masked. first: FIN, reserved bits and opcode. */
static void frame(int first, const char *payload, size_t len)
{
    static const unsigned char mask[4] = { 0x11, 0xA2, 0x33, 0xC4 };
    unsigned char head[10] = { (unsigned char)first };
    size_t extra = len < 126 ? 0 : len <= 65535 ? 2 : 8;
    head[1] = (unsigned char)(0x80 | (extra == 0 ? len : extra == 2 ? 126 : 127));
    for (size_t i = 0; i < extra; i++)
        head[2 + i] = (unsigned char)(len >> (8 * (extra - 1 - i)));
    add(head, 2 + extra);
    add(mask, 4);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)((unsigned char)payload[i] ^ mask[i % 4]);
        add(&c, 1);
    }
}

static void say(int first, const char *payload)
{
    frame(first, payload, strlen(payload));
}

/* Feed it in pieces of that size. */
static const char *told(size_t piece)
{
    struct websocket ws;
    story[0] = '\0';
    websocket_open(&ws, 1000);
    for (size_t at = 0; at < script.len; at += piece) {
        size_t len = script.len - at < piece ? script.len - at : piece;
        char *copy = malloc(len); /* so that reading past a piece is seen */
        memcpy(copy, script.bytes + at, len);
        websocket_feed(&ws, &events, &ws, (struct text){ copy, len });
        free(copy);
    }
    if (ws.reading)
        strcat(story, "open");
    websocket_close(&ws);
    return story;
}

static void check(const char *expected, const char *name)
{
    is(told(script.len), expected, "%s, at once", name);
    is(told(1), expected, "%s, byte by byte", name);
    is(told(7), expected, "%s, in pieces", name);
    script.len = 0;
}

enum { FIN = 0x80, MORE = 0, CONT = 0, TEXTS = 1, BINARY = 2, CLOSING = 8, PING = 9, PONG = 10 };

static void test_messages(void)
{
    say(FIN | TEXTS, "hello");
    say(FIN | TEXTS, "");
    check("text(hello) text() ", "two messages, and no context is kept");
    say(MORE | TEXTS, "he");
    say(MORE | CONT, "");
    say(FIN | PING, "p");
    say(FIN | CONT, "llo");
    check("ping(p) text(hello) ", "fragments with a ping between them");
    say(MORE | TEXTS, "he");
    check("open", "a message that goes on keeps its context");
    frame(FIN | TEXTS, (char[1000]){ 0 }, 1000);
    check("text(1000 bytes) ", "a message as long as may be");
    say(FIN | PONG, "");
    say(FIN | PING, "");
    check("ping() ", "a pong is silent");
    say(FIN | TEXTS, "stop");
    say(FIN | TEXTS, "more");
    check("text(stop) ", "after a stop nothing is told");
    frame(MORE | TEXTS, "\xE2\x82", 2);
    frame(FIN | CONT, "\xAC", 1);
    check("text(\xE2\x82\xAC) ", "a character may lie across fragments");
}

static void test_closes(void)
{
    frame(FIN | CLOSING, "\x03\xE8", 2);
    say(FIN | TEXTS, "more");
    check("close(1000) ", "a close ends it");
    frame(FIN | CLOSING, "", 0);
    check("close(0) ", "a close without code");
    frame(FIN | CLOSING,
          "\x03\xE9"
          "bye",
          5);
    check("close(1001) ", "a close with a reason");
    frame(FIN | CLOSING, "\x03\xEE", 2);
    check("fail(1002) ", "1006 may not be sent");
    frame(FIN | CLOSING, "\x03", 1);
    check("fail(1002) ", "half a code");
    frame(FIN | CLOSING, "\x03\xE8\xFF", 3);
    check("fail(1007) ", "a reason that is not UTF-8");
    frame(FIN | CLOSING, "\x03\xF4\xCE\xBA\xCF\x83", 6);
    check("close(1012) ", "a code that was registered later, and a reason of several octets");
    frame(FIN | CLOSING, "\0\0", 2);
    check("fail(1002) ", "0 is no code");
}

static void test_broken(void)
{
    frame(FIN | 0x40 | TEXTS, "a", 1);
    check("fail(1002) ", "a reserved bit");
    say(FIN | 3, "a");
    check("fail(1002) ", "a reserved opcode");
    say(FIN | CONT, "a");
    check("fail(1002) ", "a continuation of nothing");
    say(MORE | TEXTS, "a");
    say(FIN | TEXTS, "b");
    check("fail(1002) ", "a message within a message");
    say(MORE | PING, "a");
    check("fail(1002) ", "a ping in fragments");
    add("\x81\x01z", 3);
    check("fail(1002) ", "a frame that is not masked");
    add("\x81\xFE\x00\x01\0\0\0\0z", 9);
    check("fail(1002) ", "a length longer than needed");
    add("\x89\xFE\x00\x7E\0\0\0\0", 8);
    check("fail(1002) ", "a ping of 126 bytes");
    add("\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10);
    check("fail(1002) ", "a length of 64 bits");
    add("\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10);
    check("fail(1009) ", "a length of 63 bits, before anything else comes");
    add("\xC1", 1);
    check("fail(1002) ", "a reserved bit is seen in the first byte");
    say(FIN | BINARY, "a");
    check("fail(1003) ", "a binary message");
    frame(FIN | TEXTS, (char[1001]){ 0 }, 1001);
    check("fail(1009) ", "a message that is too long");
    frame(MORE | TEXTS, (char[600]){ 0 }, 600);
    frame(FIN | CONT, (char[600]){ 0 }, 600);
    check("fail(1009) ", "fragments that are too long together");
    for (int i = 0; i <= WEBSOCKET_FRAGMENTS; i++)
        say(i ? MORE | CONT : MORE | TEXTS, "a");
    check("fail(1008) ", "too many fragments");
    add("\x01\x83\0\0\0\0\xCE\xBA\xFF", 9);
    check("fail(1007) ", "text that is not UTF-8 fails before the message ends");
    add("\x81\x85\0\0\0\0\xFFmore", 11);
    script.len = 7;
    check("fail(1007) ", "at its first bad byte");
    frame(FIN | TEXTS, "\xE2\x82", 2);
    check("fail(1007) ", "half a character at the end");
    say(FIN | TEXTS, "fine");
    add("\xFF\xFF", 2);
    check("text(fine) fail(1002) ", "what came before is told");
}

/* What the short way makes of the script, in words; `after` was fed before it. */
static const char *short_of(const char *after, size_t after_len, size_t limit, bool muted)
{
    static char said[200];
    char payload[WEBSOCKET_CONTROL_MAX];
    struct websocket ws;
    size_t len = 0;
    websocket_open(&ws, limit);
    websocket_feed(&ws, &events, &ws, (struct text){ after, after_len });
    if (muted)
        websocket_stop(&ws);
    char *copy = malloc(script.len);
    memcpy(copy, script.bytes, script.len);
    int opcode = websocket_short(&ws, (struct text){ copy, script.len }, payload, &len);
    snprintf(said, sizeof said, "%d %.*s", opcode, opcode < 0 ? 0 : (int)len, payload);
    free(copy);
    websocket_close(&ws);
    script.len = 0;
    return said;
}

static const char *short_way(void)
{
    return short_of("", 0, 1000, false);
}

static void test_short(void)
{
    char long_text[127] = { 0 };
    memset(long_text, 'x', sizeof long_text - 1);
    say(FIN | TEXTS, "hello");
    is(short_way(), "1 hello", "a short text is understood without memory");
    say(FIN | PONG, "");
    is(short_way(), "10 ", "and so is a pong");
    frame(FIN | TEXTS, long_text, 125);
    ok(strlen(short_way()) == 127, "of as many as 125 bytes");
    frame(FIN | TEXTS, long_text, 126);
    is(short_way(), "-1 ", "a longer one is not");
    say(FIN | TEXTS, "hello");
    say(FIN | TEXTS, "hello");
    is(short_way(), "-1 ", "nor are two");
    say(FIN | TEXTS, "hello");
    script.len--;
    is(short_way(), "-1 ", "nor a part of one");
    script.len = 5;
    is(short_way(), "-1 ", "nor a part of a head");
    say(MORE | TEXTS, "hello");
    is(short_way(), "-1 ", "nor a fragment");
    say(FIN | PING, "");
    is(short_way(), "-1 ", "nor a ping, which is counted");
    say(FIN | CLOSING, "");
    is(short_way(), "-1 ", "nor a close");
    say(FIN | 0x40 | TEXTS, "hello");
    is(short_way(), "-1 ", "nor one with a reserved bit");
    say(FIN | TEXTS, "hello");
    script.bytes[1] &= 0x7F;
    is(short_way(), "-1 ", "nor one that is not masked");
    say(FIN | TEXTS, "hello");
    is(short_of("", 0, 4, false), "-1 ", "nor one above the limit");
    say(FIN | TEXTS, "hello");
    is(short_of("", 0, 1000, true), "-1 ", "nor one that nobody wants to hear of");
    say(FIN | TEXTS, "hello");
    is(short_of("\x01\x85", 2, 1000, false), "-1 ", "nor anything within a frame that has begun");
    say(FIN | TEXTS, "hello");
    is(short_of("\x01\x81\0\0\0\0a", 7, 1000, false), "-1 ", "or within a message");
    say(FIN | TEXTS, "hello");
    is(short_of("\x88\x80\0\0\0\0", 6, 1000, false), "-1 ", "or behind a close");
}

static void test_handshake(void)
{
    char accept[29];
    websocket_accept_key(TEXT("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    is(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "the key of RFC 6455 1.3");
}

static void test_framing(void)
{
    static const struct {
        size_t len, head;
        const char *bytes;
    } sizes[] = { { 0, 2, "\x81\x00" },
                  { 125, 2, "\x81\x7D" },
                  { 126, 4, "\x81\x7E\x00\x7E" },
                  { 65535, 4, "\x81\x7E\xFF\xFF" },
                  { 65536, 10, "\x81\x7F\0\0\0\0\0\x01\0\0" } };
    static char payload[65536];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct broadcast *made = broadcast_frame(OPCODE_TEXT, (struct text){ payload, sizes[i].len }, 0);
        ok(made->len == sizes[i].len + sizes[i].head && memcmp(made->bytes, sizes[i].bytes, sizes[i].head) == 0,
           "a frame of %zu bytes", sizes[i].len);
        broadcast_release(&made);
    }
    struct broadcast *close = broadcast_close(1012, "restart");
    ok(close->len == 11 && memcmp(close->bytes, "\x88\x09\x03\xF4restart", 11) == 0, "a close with its reason");
    broadcast_release(&close);
}

int main(void)
{
    test_messages();
    test_closes();
    test_broken();
    test_short();
    test_handshake();
    test_framing();
    return done();
}
