#include "relay/broadcast.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

static struct broadcast *new (size_t len, int64_t rev)
{
    struct broadcast *broadcast = malloc(sizeof *broadcast + len);
    must(broadcast != NULL);
    broadcast->references = 1;
    broadcast->joined = false;
    broadcast->rev = rev;
    broadcast->len = len;
    return broadcast;
}

/* RFC 6455 5.2: the length in 7 bits, or in 16 behind 126, or in 64 behind 127. */
static size_t write_header(unsigned char *out, int opcode, size_t len)
{
    size_t bytes = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;
    out[0] = (unsigned char)(0x80 | opcode);
    out[1] = (unsigned char)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
    for (size_t i = 0; i < bytes; i++)
        out[2 + i] = (unsigned char)(len >> (8 * (bytes - 1 - i)));
    return 2 + bytes;
}

struct broadcast *broadcast_frame(int opcode, struct text payload, int64_t rev)
{
    unsigned char header[10];
    size_t head = write_header(header, opcode, payload.len);
    struct broadcast *broadcast = new (head + payload.len, rev);
    memcpy(broadcast->bytes, header, head);
    if (payload.len)
        memcpy(broadcast->bytes + head, payload.at, payload.len);
    return broadcast;
}

struct broadcast *broadcast_join(struct broadcast *const *frames, size_t count)
{
    size_t len = 0;
    must(count > 0);
    for (size_t i = 0; i < count; i++)
        len += frames[i]->len;
    struct broadcast *joined = new (len, frames[count - 1]->rev);
    joined->joined = true;
    len = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(joined->bytes + len, frames[i]->bytes, frames[i]->len);
        len += frames[i]->len;
    }
    return joined;
}

/* Header and payload of the frame of ours that begins here. */
static size_t frame_length(const unsigned char *at)
{
    size_t bytes = at[1] < 126 ? 0 : at[1] == 126 ? 2 : 8, len = bytes ? 0 : at[1];
    for (size_t i = 0; i < bytes; i++)
        len = len << 8 | at[2 + i];
    return 2 + bytes + len;
}

size_t broadcast_frame_rest(const struct broadcast *broadcast, size_t sent)
{
    size_t end = 0;
    if (!broadcast->joined)
        return broadcast->len - sent;
    while (end < sent)
        end += frame_length((const unsigned char *)broadcast->bytes + end);
    must(end <= broadcast->len);
    return end - sent;
}

struct broadcast *broadcast_close(int code, const char *reason)
{
    char payload[125];
    size_t len = strlen(reason);
    must(len <= 100);
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xFF);
    memcpy(payload + 2, reason, len);
    return broadcast_frame(OPCODE_CLOSE, (struct text){ payload, 2 + len }, 0);
}

bool broadcast_next(const struct broadcast *broadcast, size_t *at, struct text *payload)
{
    if (*at >= broadcast->len)
        return false;
    const unsigned char *frame = (const unsigned char *)broadcast->bytes + *at;
    size_t len = frame_length(frame), head = frame[1] < 126 ? 2 : frame[1] == 126 ? 4 : 10;
    *payload = (struct text){ (const char *)frame + head, len - head };
    *at += len;
    return true;
}

struct broadcast *broadcast_raw_of(struct text text, int64_t rev)
{
    struct broadcast *broadcast = new (text.len, rev);
    if (text.len)
        memcpy(broadcast->bytes, text.at, text.len);
    return broadcast;
}

struct broadcast *broadcast_raw(struct text text)
{
    return broadcast_raw_of(text, 0);
}

struct broadcast *broadcast_share(struct broadcast *broadcast)
{
    broadcast->references++;
    return broadcast;
}

void broadcast_release(struct broadcast **broadcast)
{
    if (*broadcast && --(*broadcast)->references == 0)
        free(*broadcast);
    *broadcast = NULL;
}
