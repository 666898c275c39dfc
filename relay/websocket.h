/* Reading WebSocket frames of a client (RFC 6455). Pure: bytes are fed in, messages come out by callbacks. A rule is
 * judged at the first byte that can break it. Memory is taken as bytes arrive, never as a frame promises them, and
 * given back when no message and no frame is open. */
#ifndef CONFAB_RELAY_WEBSOCKET_H
#define CONFAB_RELAY_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct reading;

/* Fragments of one message: this many, or one for so many bytes of the limit, whichever is more. (They take no memory
 * of their own, only time.) */
enum { WEBSOCKET_FRAGMENTS = 256, WEBSOCKET_FRAGMENT_BYTES = 64, WEBSOCKET_CONTROL_MAX = 125 };

/* Called from within websocket_feed, which must not be called from them. Texts are valid during the call. */
struct websocket_events {
    void (*text)(void *context, struct text message); /* valid UTF-8 */
    void (*ping)(void *context, struct text payload);
    /* The client ends it: code 0 if it gave none. */
    void (*close)(void *context, int code);
    /* The client broke a rule: the code to close with, and why. Nothing is read after this or after a close. */
    void (*fail)(void *context, int code, const char *reason);
};

struct websocket {
    struct reading *reading; /* NULL between messages */
    uint32_t limit;          /* most bytes of a message; 0: not open */
    bool over;               /* nothing more is read: the client closed, or broke a rule */
    bool muted;              /* read on, but tell nobody */
    bool closed;             /* the client's close was read */
};

/* Starts empty. */
void websocket_open(struct websocket *, size_t limit);

/* Free what is held. */
void websocket_close(struct websocket *);

/* Whom to tell is said anew each time: there are many sockets, and few that are being read. */
void websocket_feed(struct websocket *, const struct websocket_events *, void *context, struct text bytes);

/* Are these bytes one whole text or pong frame of at most 125 bytes, with nothing open before it? Then its payload is
 * unmasked to out, and its opcode returned. A pong has been dealt with by that; a text only if it turns out to be ASCII
 * that the caller knows: anything else, and all bytes for which this is -1, must be fed. Needs no memory. */
int websocket_short(const struct websocket *, struct text bytes, char out[WEBSOCKET_CONTROL_MAX], size_t *len);

/* Let no more events happen; allowed from within one. What arrives afterwards may be drained: true once the client's
 * own close frame has come, if what was before it can still be understood. */
void websocket_stop(struct websocket *);
bool websocket_drain(struct websocket *, struct text bytes);

/* RFC 6455 4.2.2: the Sec-WebSocket-Accept for a key; out takes 29 bytes with its NUL. */
void websocket_accept_key(struct text key, char out[29]);

#endif
