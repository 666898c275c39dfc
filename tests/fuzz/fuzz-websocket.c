/* Any bytes as a client's frames, at once and in pieces whose size the first byte says: both tell the same story. */
#include <stdint.h>
#include <stdlib.h>

#include "base/must.h"
#include "relay/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static uint64_t story;

static void tell(uint64_t what, struct text text)
{
    story = (story ^ what) * 1099511628211u;
    for (size_t i = 0; i < text.len; i++)
        story = (story ^ (unsigned char)text.at[i]) * 1099511628211u;
}

static void text_came(void *context, struct text text)
{
    tell(1, text);
    if (text.len && text.at[0] == '!')
        websocket_stop(context);
}

static void ping_came(void *context, struct text text)
{
    (void)context;
    must(text.len <= WEBSOCKET_CONTROL_MAX);
    tell(2, text);
}

static void close_came(void *context, int code)
{
    (void)context;
    tell((uint64_t)code, TEXT("close"));
}

static void failed(void *context, int code, const char *reason)
{
    (void)context, (void)reason;
    must(code == 1002 || code == 1003 || code == 1007 || code == 1008 || code == 1009);
    tell((uint64_t)code, TEXT("fail"));
}

static uint64_t feed(struct text all, size_t piece)
{
    static const struct websocket_events events = { text_came, ping_came, close_came, failed };
    struct websocket ws;
    story = 14695981039346656037u;
    websocket_open(&ws, 4096);
    for (size_t at = 0; at < all.len; at += piece)
        websocket_feed(&ws, &events, &ws, (struct text){ all.at + at, all.len - at < piece ? all.len - at : piece });
    tell(ws.closed, TEXT("closed"));
    websocket_close(&ws);
    return story;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    struct text all = { (const char *)bytes + 1, len - 1 };
    uint64_t whole = feed(all, all.len);
    must(feed(all, (size_t)bytes[0] + 1) == whole);
    return 0;
}
