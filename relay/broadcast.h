/* Bytes on their way to peers: one buffer, made and framed once, shared by all who get it. Counted references, without
 * a lock: whoever made it may share it until it is handed to the loop, and from then on only the loop does. */
#ifndef CONFAB_RELAY_BROADCAST_H
#define CONFAB_RELAY_BROADCAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct broadcast {
    int references;
    bool joined; /* several frames in one */
    int64_t rev; /* of the message it tells of; 0 for what has none */
    size_t len;
    char bytes[];
};

/* Opcodes of RFC 6455 5.2 that a server sends. */
enum { OPCODE_TEXT = 0x1, OPCODE_CLOSE = 0x8, OPCODE_PING = 0x9, OPCODE_PONG = 0xA };

/* One whole, unmasked WebSocket frame; the caller has its one reference. */
struct broadcast *broadcast_frame(int opcode, struct text payload, int64_t rev)
    __attribute__((warn_unused_result, returns_nonnull));

/* A close frame; reason at most 100 bytes. */
struct broadcast *broadcast_close(int code, const char *reason) __attribute__((warn_unused_result, returns_nonnull));

/* Several frames as one, in that order; its rev is that of the last. */
struct broadcast *broadcast_join(struct broadcast *const *frames, size_t count)
    __attribute__((warn_unused_result, returns_nonnull));

/* What is left of the frame of which `sent` bytes into the broadcast are a part: 0 between two frames. */
size_t broadcast_frame_rest(const struct broadcast *, size_t sent);

/* What the frame that begins at *at says; *at moves on to the next. False: there is none. */
bool broadcast_next(const struct broadcast *, size_t *at, struct text *payload);

/* Bytes as they are: answers in HTTP. rev as in broadcast_frame. */
struct broadcast *broadcast_raw(struct text) __attribute__((warn_unused_result, returns_nonnull));
struct broadcast *broadcast_raw_of(struct text, int64_t rev) __attribute__((warn_unused_result, returns_nonnull));

struct broadcast *broadcast_share(struct broadcast *);

/* Give one reference back; clears the caller's pointer. */
void broadcast_release(struct broadcast **);

#endif
