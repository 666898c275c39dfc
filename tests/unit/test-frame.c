/* lib/live/frame.c: what is a message of Phoenix Channels V2, and how ours are written. */
#include "live/frame.h"
#include "live/frame_plain.h"

#include <stdlib.h>

#include "../support/tap.h"

static struct frame frame;

static bool good_text(struct text text)
{
    if (!frame_parse(text, &frame))
        return false;
    frame_free(&frame);
    return true;
}

static bool good(const char *text)
{
    return good_text(text_of(text));
}

static void test_parse(void)
{
    ok(frame_parse(text_of("[\"1\", null, \"room:lobby\", \"phx_join\", {\"a\": [1]}, \"more\"]"), &frame),
       "a message, and what stands behind it is passed over");
    ok(text_is(frame.topic, "room:lobby") && text_is(frame.event, "phx_join"), "topic and event are there");
    is(json_string_value(frame.join_ref), "1", "so is join_ref");
    ok(json_is_null(frame.ref) && json_is_object(frame.payload), "and ref and payload");
    frame_free(&frame);
    static const char *const bad[] = {
        "",
        "x",
        "{}",
        "[]",
        "[null,null,\"t\",\"e\"]",
        "[1,null,\"t\",\"e\",{}]",
        "[null,2,\"t\",\"e\",{}]",
        "[null,null,null,\"e\",{}]",
        "[null,null,\"t\",7,{}]",
        "[null,null,\"t\",\"e\",[]]",
        "[null,null,\"t\",\"e\",null]",
        "[null,null,\"t\",\"e\",{}",
        "[null,null,\"t\",\"e\",{}] x",
        "[null,null,\"t\",\"e\",{\"a\":1,\"a\":2}]",
        "[null,null,\"t\",\"e\",{\"a\":1e999}]",
        "[null,null,\"\\ud800\",\"e\",{}]",
        "[true,null,\"t\",\"e\",{}]",
        "{\"topic\":\"t\",\"event\":\"e\",\"payload\":{},\"ref\":\"1\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(!good(bad[i]), "no message: %s", bad[i]);
}

static void test_bounds(void)
{
    char deep[200] = "[null,null,\"t\",\"e\",{\"a\":";
    size_t len = strlen(deep);
    for (int i = 0; i < FRAME_DEPTH_MAX - 2; i++)
        deep[len + (size_t)i] = '[';
    ok(frame_bounded((struct text){ deep, len + FRAME_DEPTH_MAX - 2 }), "32 levels may be");
    deep[len + FRAME_DEPTH_MAX - 2] = '{';
    ok(!frame_bounded((struct text){ deep, len + FRAME_DEPTH_MAX - 1 }), "33 may not");
    ok(frame_bounded(text_of("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[\"")),
       "brackets within strings are text");
    char keys[8000] = "{";
    for (int i = 0; i < FRAME_KEYS_MAX; i++)
        sprintf(keys + strlen(keys), "\"k%d\":1,", i);
    ok(frame_bounded(text_of(keys)), "256 keys may be");
    strcat(keys, "\"x\":1");
    ok(!frame_bounded(text_of(keys)), "257 may not");
    char key[400];
    sprintf(key, "{\"%0256d\":1}", 0);
    ok(frame_bounded(text_of(key)), "a key of 256 bytes may be");
    sprintf(key, "{\"%0257d\":1}", 0);
    ok(!frame_bounded(text_of(key)), "a longer one may not");
    char items[4000] = "[";
    for (int i = 0; i < FRAME_ITEMS_MAX; i++)
        strcat(items, "1,");
    ok(!frame_bounded(text_of(items)), "neither may more than 1024 items");
}

static const char *written(struct buffer *out)
{
    static char copy[500];
    snprintf(copy, sizeof copy, "%.*s", (int)out->len, out->at);
    buffer_free(out);
    return copy;
}

static void test_write(void)
{
    struct buffer out = buffer_new(1000);
    json_t *response = json_pack("{s:s}", "reason", "x");
    const char *odd = "[\"a\\u0000\\\"\u20ac\",\"\",\"t\\n\",\"e\",{}]";
    ok(frame_parse(text_of(odd), &frame), "refs may hold anything, NUL too");
    frame_reply(&out, frame.join_ref, frame.ref, frame.topic, "error", response);
    is(written(&out),
       "[\"a\\u0000\\\"\u20ac\",\"\",\"t\\n\",\"phx_reply\",{\"status\":\"error\",\"response\":{\"reason\":\"x\"}}]",
       "and come back equal in a reply");
    ok(frame_same_ref(frame.join_ref, frame.join_ref) && !frame_same_ref(frame.join_ref, frame.ref),
       "refs are compared");
    ok(frame_same_ref(NULL, json_null()) && !frame_same_ref(NULL, frame.ref), "no ref is equal to null alone");
    frame_push(&out, NULL, NULL, TEXT("room:a"), "new_message", response);
    is(written(&out), "[null,null,\"room:a\",\"new_message\",{\"reason\":\"x\"}]", "a broadcast has no refs");
    frame_free(&frame);
    json_decref(response);
}

/* What the shortcut answers, or NULL; it must be what the long way answers. */
static const char *shortcut(const char *text)
{
    static char answer[FRAME_HEARTBEAT_SIZE];
    struct buffer out = buffer_new(1000);
    json_t *empty = json_object();
    size_t len = frame_heartbeat(text_of(text), answer);
    answer[len] = '\0';
    if (len && ok(frame_parse(text_of(text), &frame), "what is taken for a heartbeat is a message")) {
        frame_reply(&out, NULL, frame.ref, frame.topic, "ok", empty);
        is(answer, written(&out), "and is answered as any other");
        frame_free(&frame);
    }
    json_decref(empty);
    return len ? answer : NULL;
}

static void test_heartbeat(void)
{
    is(shortcut("[null,\"7\",\"phoenix\",\"heartbeat\",{}]"),
       "[null,\"7\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]", "a stock heartbeat is answered");
    ok(shortcut("[null,\"12345678901234567890\",\"phoenix\",\"heartbeat\",{}]"), "with any number");
    const char *others[] = { "",
                             "[null,\"\",\"phoenix\",\"heartbeat\",{}]",
                             "[null,\"123456789012345678901\",\"phoenix\",\"heartbeat\",{}]",
                             "[null,\"a\",\"phoenix\",\"heartbeat\",{}]",
                             "[null, \"7\",\"phoenix\",\"heartbeat\",{}]",
                             "[null,\"7\",\"phoenix\",\"heartbeat\",{}] ",
                             "[null,\"7\",\"phoenix\",\"heartbeat\",{\"a\":1}]",
                             "[null,\"7\",\"room:a\",\"heartbeat\",{}]",
                             "[null,\"7\",\"phoenix\",\"heartbeaT\",{}]",
                             "[null,\",\"phoenix\",\"heartbeat\",{}]",
                             "[null,\"1\",\"2\",\"phoenix\",\"heartbeat\",{}]" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ok(!shortcut(others[i]), "the long way: %s", others[i]);
}

/* Is it read without the parser? Then it must be what the parser reads. */
static bool plain(const char *text)
{
    if (!frame_plain(text_of(text), &frame))
        return false;
    json_t *whole = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool same = json_equal(frame.whole, whole) && frame.join_ref == json_array_get(frame.whole, 0) &&
                frame.ref == json_array_get(frame.whole, 1) && frame.payload == json_array_get(frame.whole, 4) &&
                text_is(frame.topic, json_string_value(json_array_get(whole, 2))) &&
                text_is(frame.event, json_string_value(json_array_get(whole, 3)));
    ok(same, "the same as through the parser: %s", text);
    json_decref(whole);
    frame_free(&frame);
    return true;
}

static void test_plain(void)
{
    ok(plain("[\"1\",\"2\",\"room:a\",\"new_message\",{\"message\":\"h\xC3\xA9, "
             "{you}:[]\",\"name\":\"\",\"client_id\":\"x\"}]"),
       "what a stock client posts is read without the parser");
    ok(plain("[null,null,\"\",\"\",{}]"), "refs may be null, the rest empty");
    ok(plain("[\"\",\"\x7F\",\"t\",\"e\",{\"\":\"a\"}]"), "and any character that stands for itself");
    static const char *const others[] = {
        "",
        "[",
        "[null",
        "[nul,null,\"t\",\"e\",{}]",
        "[null,null,null,\"e\",{}]",
        "[null,null,\"t\",\"e\"]",
        "[null,null,\"t\",\"e\",{}",
        "[null,null,\"t\",\"e\",{]",
        "[null,null,\"t\",\"e\",{},1]",
        "[null,null,\"t\",\"e\",{}] ",
        "[null, null,\"t\",\"e\",{}]",
        "[null,null,\"t\",\"e\",{\"a\":1}]",
        "[null,null,\"t\",\"e\",{\"a\":null}]",
        "[null,null,\"t\",\"e\",{\"a\"}]",
        "[null,null,\"t\",\"e\",{\"a\":\"b\",}]",
        "[null,null,\"t\",\"e\",{,\"a\":\"b\"}]",
        "[null,null,\"t\",\"e\",{\"a\":\"b\" \"c\":\"d\"}]",
        "[null,null,\"t\",\"e\",{\"a\":\"b\",\"a\":\"c\"}]",
        "[null,null,\"t\",\"e\",{\"a\":\"\\n\"}]",
        "[null,null,\"t\",\"e\",{\"a\":\"\n\"}]",
        "[null,null,\"t\",\"e\",{\"a\":\"\xC3\"}]",
        "[null,null,\"t\",\"e\",{\"\xC3\":\"a\"}]",
        "[null,null,\"\xED\xA0\x80\",\"e\",{}]",
        "[null,null,\"t\",\"e\",{\"a",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ok(!plain(others[i]), "not read without it: %s", others[i]);
}

/* So many keys, the first of them so long. */
static bool many_keys(size_t keys, int len)
{
    struct buffer text = buffer_new(100000);
    buffer_string(&text, "[null,null,\"t\",\"e\",{");
    for (size_t i = 0; i < keys; i++)
        buffer_printf(&text, "%s\"%0*zu\":\"\"", i ? "," : "", i ? 1 : len, i);
    buffer_string(&text, "}]");
    bool quick = frame_plain(buffer_view(&text), &frame);
    if (quick)
        frame_free(&frame);
    ok(quick == good_text(buffer_view(&text)), "the same is refused in both ways");
    buffer_free(&text);
    return quick;
}

int main(void)
{
    test_parse();
    test_plain();
    ok(many_keys(FRAME_KEYS_MAX, FRAME_KEY_BYTES_MAX), "as many keys as may be, as long as one may be");
    ok(!many_keys(FRAME_KEYS_MAX + 1, 1) && !many_keys(2, FRAME_KEY_BYTES_MAX + 1), "no more, and no longer");
    test_heartbeat();
    test_bounds();
    test_write();
    return done();
}
