#include "relay/websocket.h"

#include <sodium.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/must.h"
#include "base/utf8.h"
#include "relay/sha1.h"

/* wslay judges frames and text, and queues its answers (a close for what is broken, pongs). We write our own frames, so
 * its answers are thrown away; only the code that it would close with is asked for. */
static ssize_t take_input(wslay_event_context_ptr wslay, uint8_t *out, size_t len, int flags, void *context)
{
    struct websocket *ws = context;
    (void)flags;
    size_t take = ws->input.len < len ? ws->input.len : len;
    if (take == 0) {
        wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(out, ws->input.at, take);
    ws->input.at += take;
    ws->input.len -= take;
    return (ssize_t)take;
}

static ssize_t drop_output(wslay_event_context_ptr wslay, const uint8_t *bytes, size_t len, int flags, void *context)
{
    (void)wslay, (void)bytes, (void)flags, (void)context;
    return (ssize_t)len;
}

static void complain(struct websocket *ws, int code)
{
    if (!ws->over)
        ws->complaint = code;
    ws->over = true;
    wslay_event_shutdown_read(ws->wslay);
}

/* What a client's frame takes on the wire: wslay lets only the shortest form of a length pass, and only masked frames.
 */
static size_t frame_size(uint64_t payload)
{
    return (size_t)(payload < 126 ? 2 : payload <= UINT16_MAX ? 4 : 10) + 4 + (size_t)payload;
}

static void frame_begins(wslay_event_context_ptr wslay, const struct wslay_event_on_frame_recv_start_arg *arg,
                         void *context)
{
    struct websocket *ws = context;
    (void)wslay;
    if (arg->payload_length > ws->limit) {
        complain(ws, WSLAY_CODE_MESSAGE_TOO_BIG);
        return;
    }
    ws->frame = frame_size(arg->payload_length);
    if (wslay_is_ctrl_frame(arg->opcode))
        return;
    ws->open = !arg->fin;
    ws->fragments = arg->opcode == WSLAY_CONTINUATION_FRAME ? ws->fragments + 1 : 1;
    if (arg->opcode == WSLAY_BINARY_FRAME) /* Phoenix's binary messages are refused as soon as they begin */
        complain(ws, WSLAY_CODE_UNSUPPORTED_DATA);
    else if (ws->fragments > WEBSOCKET_FRAGMENTS_MAX)
        complain(ws, WSLAY_CODE_POLICY_VIOLATION);
}

static void frame_ends(wslay_event_context_ptr wslay, void *context)
{
    struct websocket *ws = context;
    (void)wslay;
    ws->held -= ws->frame < ws->held ? ws->frame : ws->held;
    ws->frame = 0;
}

/* What wslay lets pass in a close: half a code, and a reason that came in pieces and is not UTF-8. (It skips two bytes
 * of each piece instead of the frame's first two, so it can also refuse a good reason in pieces: that ends with 1007
 * then.) */
static int close_flaw(struct text payload)
{
    if (payload.len == 1)
        return WSLAY_CODE_PROTOCOL_ERROR;
    if (payload.len > 2 && !utf8_valid((struct text){ payload.at + 2, payload.len - 2 }))
        return WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA;
    return 0;
}

static void message_came(wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *arg, void *context)
{
    struct websocket *ws = context;
    struct text message = { (const char *)arg->msg, arg->msg_length };
    if (ws->over)
        return;
    if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
        ws->closed = true;
        wslay_event_shutdown_read(wslay);
        if (close_flaw(message)) {
            complain(ws, close_flaw(message));
            return;
        }
        ws->over = true;
    }
    if (ws->muted)
        return;
    if (arg->opcode == WSLAY_CONNECTION_CLOSE)
        ws->events->close(ws->context, arg->status_code);
    else if (arg->opcode == WSLAY_PING)
        ws->events->ping(ws->context, message);
    else if (arg->opcode == WSLAY_TEXT_FRAME)
        ws->events->text(ws->context, message);
}

static void begin(struct websocket *ws)
{
    static const struct wslay_event_callbacks callbacks = { .recv_callback = take_input,
                                                            .send_callback = drop_output,
                                                            .on_frame_recv_start_callback = frame_begins,
                                                            .on_frame_recv_end_callback = frame_ends,
                                                            .on_msg_recv_callback = message_came };
    wslay_event_context_ptr wslay;
    must(wslay_event_context_server_init(&wslay, &callbacks, ws) == 0);
    wslay_event_config_set_max_recv_msg_length(wslay, ws->limit);
    ws->wslay = wslay;
}

static void end(struct websocket *ws)
{
    if (ws->wslay)
        wslay_event_context_free(ws->wslay);
    ws->wslay = NULL;
    ws->held = ws->frame = 0;
    ws->open = false;
    ws->fragments = 0;
}

void websocket_open(struct websocket *ws, const struct websocket_events *events, void *context, size_t limit)
{
    *ws = (struct websocket){ .events = events, .context = context, .limit = limit };
}

void websocket_close(struct websocket *ws)
{
    end(ws);
    ws->over = true;
}

static const char *complaint_reason(int code)
{
    switch (code) {
    case WSLAY_CODE_UNSUPPORTED_DATA: return "text only";
    case WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA: return "not UTF-8";
    case WSLAY_CODE_POLICY_VIOLATION: return "too many fragments";
    case WSLAY_CODE_MESSAGE_TOO_BIG: return "message too big";
    default: return "protocol error";
    }
}

/* Did wslay stop reading for a reason of its own? Its close is in its queue: sending it (to nowhere) tells the code. */
static void ask_for_complaint(struct websocket *ws)
{
    bool stopped = !wslay_event_want_read(ws->wslay);
    if (wslay_event_want_write(ws->wslay))
        (void)wslay_event_send(ws->wslay);
    if (!stopped || ws->over)
        return;
    int code = wslay_event_get_status_code_sent(ws->wslay);
    ws->over = true; /* for a frame that is none it has no code of its own */
    ws->complaint = code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA || code == WSLAY_CODE_MESSAGE_TOO_BIG
                        ? code
                        : WSLAY_CODE_PROTOCOL_ERROR;
}

void websocket_stop(struct websocket *ws)
{
    ws->muted = true;
}

void websocket_drain(struct websocket *ws, struct text bytes, bool *closed)
{
    ws->muted = true;
    websocket_feed(ws, bytes);
    *closed = *closed || ws->closed;
}

void websocket_feed(struct websocket *ws, struct text bytes)
{
    if (!ws->events || ws->over || !bytes.len)
        return;
    if (!ws->wslay)
        begin(ws);
    ws->input = bytes;
    ws->held += bytes.len;
    bool broken = wslay_event_recv(ws->wslay) != 0;
    ask_for_complaint(ws);
    if (broken && !ws->over) {
        ws->over = true;
        ws->complaint = WSLAY_CODE_PROTOCOL_ERROR;
    }
    if (ws->over || (!ws->held && !ws->open))
        end(ws);
    if (ws->complaint && !ws->muted)
        ws->events->fail(ws->context, ws->complaint, complaint_reason(ws->complaint));
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
