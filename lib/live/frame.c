#include "live/frame.h"

#include <string.h>

#include "base/must.h"
#include "live/frame_plain.h"
#include "web/json_text.h"

enum { HEARTBEAT_DIGITS = 20 };

/* --- the bounds --- */

struct scan {
    struct text rest;
    unsigned char open[FRAME_DEPTH_MAX]; /* '{' or '[' of each level */
    int depth;
    int keys, items;
};

/* Skip a string whose opening quote was taken. Returns how many bytes it had. */
static size_t skip_string(struct scan *scan)
{
    size_t len = 0;
    while (len < scan->rest.len && scan->rest.at[len] != '"')
        len += scan->rest.at[len] == '\\' ? 2 : 1;
    size_t taken = len < scan->rest.len ? len + 1 : scan->rest.len;
    scan->rest.at += taken;
    scan->rest.len -= taken;
    return len;
}

/* A colon can follow nothing but a key; the string before it is then measured. */
static bool count_character(struct scan *scan, char c, size_t last_string)
{
    switch (c) {
    case '{':
    case '[':
        if (scan->depth == FRAME_DEPTH_MAX)
            return false;
        scan->open[scan->depth++] = (unsigned char)c;
        return ++scan->items <= FRAME_ITEMS_MAX;
    case '}':
    case ']': scan->depth -= scan->depth > 0; return true;
    case ':': return ++scan->keys <= FRAME_KEYS_MAX && last_string <= FRAME_KEY_BYTES_MAX;
    case ',': return ++scan->items <= FRAME_ITEMS_MAX;
    default: return true;
    }
}

bool frame_bounded(struct text text)
{
    struct scan scan = { .rest = text };
    size_t last_string = 0;
    while (scan.rest.len) {
        char c = *scan.rest.at++;
        scan.rest.len--;
        if (c == '"')
            last_string = skip_string(&scan);
        else if (!count_character(&scan, c, last_string))
            return false;
    }
    return true;
}

/* --- in --- */

static bool is_ref(const json_t *json)
{
    return json_is_string(json) || json_is_null(json);
}

static struct text string_text(const json_t *json)
{
    return (struct text){ json_string_value(json), json_string_length(json) };
}

bool frame_parse(struct text text, struct frame *frame)
{
    if (frame_plain(text, frame))
        return true;
    if (!frame_bounded(text))
        return false;
    json_t *whole = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *topic = json_array_get(whole, 2), *event = json_array_get(whole, 3);
    *frame = (struct frame){ .whole = whole,
                             .join_ref = json_array_get(whole, 0),
                             .ref = json_array_get(whole, 1),
                             .payload = json_array_get(whole, 4) };
    if (!is_ref(frame->join_ref) || !is_ref(frame->ref) || !json_is_string(topic) || !json_is_string(event) ||
        !json_is_object(frame->payload)) {
        frame_free(frame);
        return false;
    }
    frame->topic = string_text(topic);
    frame->event = string_text(event);
    return true;
}

void frame_free(struct frame *frame)
{
    json_decref(frame->whole);
    *frame = (struct frame){ .whole = NULL };
}

bool frame_same_ref(const json_t *a, const json_t *b)
{
    bool a_null = !a || json_is_null(a), b_null = !b || json_is_null(b);
    return a_null || b_null ? a_null == b_null : text_equal(string_text(a), string_text(b));
}

/* --- out --- */

static int add_bytes(const char *bytes, size_t len, void *out)
{
    buffer_add(out, bytes, len);
    return 0;
}

/* Our own data always can be written: strings in it are UTF-8, numbers are finite. */
static void add_json(struct buffer *out, const json_t *json)
{
    if (!json || json_dump_callback(json, add_bytes, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        buffer_string(out, "null");
}

static void add_ref(struct buffer *out, const json_t *ref)
{
    if (json_is_string(ref))
        json_text_string(out, string_text(ref));
    else
        buffer_string(out, "null");
}

static void add_head(struct buffer *out, const json_t *join_ref, const json_t *ref, struct text topic,
                     const char *event)
{
    buffer_char(out, '[');
    add_ref(out, join_ref);
    buffer_char(out, ',');
    add_ref(out, ref);
    buffer_char(out, ',');
    json_text_string(out, topic);
    buffer_char(out, ',');
    json_text_string(out, text_of(event));
    buffer_char(out, ',');
}

static void add_reply_head(struct buffer *out, const json_t *join_ref, const json_t *ref, struct text topic,
                           const char *status)
{
    add_head(out, join_ref, ref, topic, "phx_reply");
    buffer_string(out, "{\"status\":");
    json_text_string(out, text_of(status));
    buffer_string(out, ",\"response\":");
}

void frame_reply(struct buffer *out, const json_t *join_ref, const json_t *ref, struct text topic, const char *status,
                 const json_t *response)
{
    add_reply_head(out, join_ref, ref, topic, status);
    add_json(out, response);
    buffer_string(out, "}]");
}

void frame_reply_text(struct buffer *out, const json_t *join_ref, const json_t *ref, struct text topic,
                      const char *status, struct text response)
{
    add_reply_head(out, join_ref, ref, topic, status);
    buffer_text(out, response);
    buffer_string(out, "}]");
}

/* One part more of an answer. */
static size_t put_bytes(char *out, size_t at, const char *bytes, size_t len)
{
    must(len < FRAME_HEARTBEAT_SIZE - at);
    memcpy(out + at, bytes, len);
    return at + len;
}

size_t frame_heartbeat(struct text came, char out[FRAME_HEARTBEAT_SIZE])
{
    static const char head[] = "[null,\"", tail[] = "\",\"phoenix\",\"heartbeat\",{}]",
                      answer[] = "\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]";
    const size_t head_len = sizeof head - 1, tail_len = sizeof tail - 1;
    if (came.len <= head_len + tail_len || came.len > head_len + HEARTBEAT_DIGITS + tail_len ||
        memcmp(came.at, head, head_len) != 0 || memcmp(came.at + came.len - tail_len, tail, tail_len) != 0)
        return 0;
    struct text ref = { came.at + head_len, came.len - head_len - tail_len };
    for (size_t i = 0; i < ref.len; i++)
        if (ref.at[i] < '0' || ref.at[i] > '9')
            return 0;
    size_t len = put_bytes(out, 0, head, head_len);
    len = put_bytes(out, len, ref.at, ref.len);
    return put_bytes(out, len, answer, sizeof answer - 1);
}

void frame_broadcast_head(struct buffer *out, struct text topic, const char *event)
{
    add_head(out, NULL, NULL, topic, event);
}

void frame_push(struct buffer *out, const json_t *join_ref, const json_t *ref, struct text topic, const char *event,
                const json_t *payload)
{
    add_head(out, join_ref, ref, topic, event);
    add_json(out, payload);
    buffer_char(out, ']');
}

void frame_push_text(struct buffer *out, const json_t *join_ref, struct text topic, const char *event,
                     struct text payload)
{
    add_head(out, join_ref, NULL, topic, event);
    buffer_text(out, payload);
    buffer_char(out, ']');
}
