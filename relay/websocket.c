/* Numbers in comments are sections of RFC 6455. */
#include "relay/websocket.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/utf8.h"
#include "relay/sha1.h"

enum { CONTINUATION = 0x0, TEXT_FRAME = 0x1, BINARY = 0x2, CLOSE = 0x8, PING = 0x9, PONG = 0xA };
enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0F, MASKED = 0x80, MASK_BYTES = 4, HEAD_MAX = 14 };
enum { PROTOCOL_ERROR = 1002, TEXT_ONLY = 1003, NOT_UTF8 = 1007, TOO_MANY = 1008, TOO_BIG = 1009 };

/* What is there while a frame or a message is open. */
struct reading {
    const struct websocket_events *events; /* of the feed; NULL while it is drained */
    void *context;                         /* for the events */
    unsigned char head[HEAD_MAX];
    size_t head_len, head_size; /* as far as it has come; head_size is known with the second byte */
    bool payload;               /* the head is complete: the payload comes */
    uint64_t left, done;        /* of the payload */
    size_t control_len;
    char control[WEBSOCKET_CONTROL_MAX];
    bool open; /* a message has begun */
    size_t fragments;
    char *text;
    size_t len, size; /* of the text */
    struct utf8_state utf8;
};

/* --- the end --- */

static void forget(struct websocket *ws)
{
    if (ws->reading)
        free(ws->reading->text);
    free(ws->reading);
    ws->reading = NULL;
}

static const char *reason_of(int code)
{
    switch (code) {
    case TEXT_ONLY: return "text only";
    case NOT_UTF8: return "not UTF-8";
    case TOO_MANY: return "too many fragments";
    case TOO_BIG: return "message too big";
    default: return "protocol error";
    }
}

/* Always false: nothing more is read. */
static bool fail(struct websocket *ws, int code)
{
    ws->over = true;
    if (!ws->muted)
        ws->reading->events->fail(ws->reading->context, code, reason_of(code));
    return false;
}

/* --- the head of a frame --- */

static int opcode(const struct reading *reading)
{
    return reading->head[0] & OPCODE;
}

static bool is_control(const struct reading *reading)
{
    return opcode(reading) >= CLOSE;
}

static size_t fragments_most(const struct websocket *ws)
{
    size_t most = ws->limit / WEBSOCKET_FRAGMENT_BYTES;
    return most > WEBSOCKET_FRAGMENTS ? most : WEBSOCKET_FRAGMENTS;
}

/* 5.2, 5.4, 5.5: no extension was agreed on, so no reserved bit; control frames are whole; a message begins with its
 * type, goes on with continuations, and no other begins within it. */
static bool judge_opcode(struct websocket *ws)
{
    struct reading *reading = ws->reading;
    bool whole = reading->head[0] & FIN;
    if (reading->head[0] & RESERVED)
        return fail(ws, PROTOCOL_ERROR);
    switch (opcode(reading)) {
    case CLOSE:
    case PING:
    case PONG: return whole || fail(ws, PROTOCOL_ERROR);
    case CONTINUATION:
        if (!reading->open)
            return fail(ws, PROTOCOL_ERROR);
        return ++reading->fragments <= fragments_most(ws) || fail(ws, TOO_MANY);
    case TEXT_FRAME:
    case BINARY:
        if (reading->open)
            return fail(ws, PROTOCOL_ERROR);
        reading->open = true;
        reading->fragments = 1;
        return opcode(reading) == TEXT_FRAME || fail(ws, TEXT_ONLY);
    default: return fail(ws, PROTOCOL_ERROR);
    }
}

/* 5.1: a client's frames are masked. 5.5: a control frame has at most 125 bytes. */
static bool judge_size(struct websocket *ws)
{
    struct reading *reading = ws->reading;
    unsigned len = reading->head[1] & 0x7F;
    if (!(reading->head[1] & MASKED) || (is_control(reading) && len > WEBSOCKET_CONTROL_MAX))
        return fail(ws, PROTOCOL_ERROR);
    reading->head_size = 2 + (len < 126 ? 0 : len == 126 ? 2 : 8) + MASK_BYTES;
    reading->left = len;
    return true;
}

/* 5.2: the length is written in as few bytes as it needs, its highest bit is 0. */
static bool judge_length(struct websocket *ws)
{
    struct reading *reading = ws->reading;
    size_t bytes = reading->head_size - 2 - MASK_BYTES;
    uint64_t len = 0;
    for (size_t i = 0; i < bytes; i++)
        len = len << 8 | reading->head[2 + i];
    if (bytes == 0)
        len = reading->left;
    if ((bytes == 2 && len < 126) || (bytes == 8 && (len <= UINT16_MAX || len >> 63)))
        return fail(ws, PROTOCOL_ERROR);
    if (!is_control(reading) && len > ws->limit - reading->len)
        return fail(ws, TOO_BIG);
    reading->left = len;
    return true;
}

/* Take the head's next byte. */
static bool read_head(struct websocket *ws, char byte)
{
    struct reading *reading = ws->reading;
    reading->head[reading->head_len++] = (unsigned char)byte;
    if (reading->head_len == 1)
        return judge_opcode(ws);
    if (reading->head_len == 2 && !judge_size(ws))
        return false;
    if (reading->head_len == reading->head_size - MASK_BYTES && !judge_length(ws))
        return false;
    reading->payload = reading->head_len == reading->head_size;
    reading->done = 0;
    return true;
}

/* --- the payload --- */

/* 5.3, eight bytes at a time. from: how much of the payload came before. */
static void unmask(char *out, struct text bytes, const unsigned char mask[MASK_BYTES], uint64_t from)
{
    unsigned char turned[8];
    uint64_t key, eight;
    size_t i = 0;
    for (size_t k = 0; k < sizeof turned; k++)
        turned[k] = mask[(from + k) % MASK_BYTES];
    memcpy(&key, turned, sizeof key);
    for (; bytes.len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, bytes.at + i, sizeof eight);
        eight ^= key;
        memcpy(out + i, &eight, sizeof eight);
    }
    for (; i < bytes.len; i++)
        out[i] = (char)((unsigned char)bytes.at[i] ^ turned[i % sizeof turned]);
}

/* The place for so many more bytes of the message. */
static char *room_for(struct websocket *ws, size_t more)
{
    struct reading *reading = ws->reading;
    size_t need = reading->len + more, twice = reading->size * 2;
    must(need <= ws->limit);
    if (need > reading->size) {
        reading->size = twice > ws->limit ? ws->limit : twice > need ? twice : need;
        reading->text = realloc(reading->text, reading->size);
        must(reading->text != NULL);
    }
    return reading->text + reading->len;
}

/* 8.1: what is not UTF-8 is found out at its first octet. Nobody hears of a message that comes after the end. */
static bool read_text(struct websocket *ws, struct text bytes)
{
    struct reading *reading = ws->reading;
    if (ws->muted || !bytes.len)
        return true;
    char *out = room_for(ws, bytes.len);
    unmask(out, bytes, reading->head + reading->head_size - MASK_BYTES, reading->done);
    reading->len += bytes.len;
    return utf8_go_on(&reading->utf8, (struct text){ out, bytes.len }) || fail(ws, NOT_UTF8);
}

static void read_control(struct reading *reading, struct text bytes)
{
    unmask(reading->control + reading->control_len, bytes, reading->head + reading->head_size - MASK_BYTES,
           reading->done);
    reading->control_len += bytes.len;
}

/* --- the end of a frame --- */

/* 7.4: what may be sent; 1004 to 1006 and 1015 never are, and others below 3000 nobody has registered. */
static bool code_valid(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/* 5.5.1: no payload, or a code and a reason. */
static bool close_came(struct websocket *ws)
{
    const struct reading *reading = ws->reading;
    struct text reason = { reading->control + 2, reading->control_len > 2 ? reading->control_len - 2 : 0 };
    int code = 0;
    ws->closed = true;
    if (reading->control_len >= 2)
        code = (unsigned char)reading->control[0] << 8 | (unsigned char)reading->control[1];
    if (reading->control_len == 1 || (code && !code_valid(code)) || (reading->control_len >= 2 && !code))
        return fail(ws, PROTOCOL_ERROR);
    if (!utf8_valid(reason))
        return fail(ws, NOT_UTF8);
    ws->over = true;
    if (!ws->muted)
        ws->reading->events->close(ws->reading->context, code);
    return false;
}

static bool message_came(struct websocket *ws)
{
    struct reading *reading = ws->reading;
    struct text message = { reading->text ? reading->text : "", reading->len };
    if (!ws->muted && !utf8_complete(&reading->utf8))
        return fail(ws, NOT_UTF8);
    reading->open = false;
    if (!ws->muted)
        ws->reading->events->text(ws->reading->context, message);
    reading->len = 0;
    return true;
}

/* False: nothing more is to be read. */
static bool frame_came(struct websocket *ws)
{
    struct reading *reading = ws->reading;
    size_t len = reading->control_len;
    reading->payload = false;
    reading->head_len = reading->control_len = 0;
    switch (opcode(reading)) {
    case CLOSE: reading->control_len = len; return close_came(ws);
    case PING:
        if (!ws->muted)
            ws->reading->events->ping(ws->reading->context, (struct text){ reading->control, len });
        return true;
    case PONG: return true;
    default: return !(reading->head[0] & FIN) || message_came(ws);
    }
}

static bool read_payload(struct websocket *ws, struct text *bytes)
{
    struct reading *reading = ws->reading;
    struct text part = { bytes->at, reading->left < bytes->len ? (size_t)reading->left : bytes->len };
    if (is_control(reading))
        read_control(reading, part);
    else if (!read_text(ws, part))
        return false;
    bytes->at += part.len;
    bytes->len -= part.len;
    reading->left -= part.len;
    reading->done += part.len;
    return reading->left > 0 || frame_came(ws);
}

/* --- feeding --- */

void websocket_open(struct websocket *ws, size_t limit)
{
    must(limit > 0 && limit <= UINT32_MAX);
    *ws = (struct websocket){ .limit = (uint32_t)limit };
}

void websocket_close(struct websocket *ws)
{
    forget(ws);
    ws->over = true;
}

void websocket_stop(struct websocket *ws)
{
    ws->muted = true;
}

bool websocket_drain(struct websocket *ws, struct text bytes)
{
    ws->muted = true;
    websocket_feed(ws, NULL, NULL, bytes);
    return ws->closed;
}

/* A payload may be empty: then the frame ends with its head, without a further byte. */
static void read_frames(struct websocket *ws, struct text bytes)
{
    struct reading *reading = ws->reading;
    bool good = true;
    while (good && bytes.len) {
        if (!reading->payload) {
            good = read_head(ws, *bytes.at++);
            bytes.len--;
        }
        if (good && reading->payload && (bytes.len || !reading->left))
            good = read_payload(ws, &bytes);
    }
}

void websocket_feed(struct websocket *ws, const struct websocket_events *events, void *context, struct text bytes)
{
    if (!ws->limit || ws->over || !bytes.len)
        return;
    if (!ws->reading)
        ws->reading = calloc(1, sizeof *ws->reading);
    must(ws->reading != NULL);
    ws->reading->events = events;
    ws->reading->context = context;
    read_frames(ws, bytes);
    if (ws->over || (!ws->reading->open && !ws->reading->head_len))
        forget(ws);
}

int websocket_short(const struct websocket *ws, struct text bytes, char out[WEBSOCKET_CONTROL_MAX], size_t *len)
{
    enum { HEAD = 2 + MASK_BYTES };
    const unsigned char *head = (const unsigned char *)bytes.at;
    if (!ws->limit || ws->over || ws->muted || ws->reading || bytes.len < HEAD)
        return -1;
    if ((head[0] != (FIN | TEXT_FRAME) && head[0] != (FIN | PONG)) || !(head[1] & MASKED))
        return -1;
    *len = bytes.len - HEAD;
    if ((head[1] & 0x7F) != *len || *len > WEBSOCKET_CONTROL_MAX || *len > ws->limit)
        return -1;
    unmask(out, (struct text){ bytes.at + HEAD, *len }, head + 2, 0);
    return head[0] & OPCODE;
}

void websocket_accept_key(struct text key, char out[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char hash[SHA1_BYTES];
    char joined[24 + sizeof guid];
    must(key.len == 24);
    memcpy(joined, key.at, key.len);
    memcpy(joined + key.len, guid, sizeof guid - 1);
    sha1((struct text){ joined, key.len + sizeof guid - 1 }, hash);
    sodium_bin2base64(out, 29, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
}
