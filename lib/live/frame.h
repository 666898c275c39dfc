/* Phoenix Channels V2 messages: [join_ref, ref, topic, event, payload]. Text in, text out: no sockets, no domain. */
#ifndef CONFAB_LIVE_FRAME_H
#define CONFAB_LIVE_FRAME_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/text.h"

/* What a message may hold besides its size (SECURITY 7, jansson): looked at before anything is parsed. */
enum { FRAME_DEPTH_MAX = 32, FRAME_KEYS_MAX = 256, FRAME_KEY_BYTES_MAX = 256, FRAME_ITEMS_MAX = 1024 };

struct frame {
    json_t *whole;            /* holds all the rest */
    const json_t *join_ref;   /* a string or null */
    const json_t *ref;        /* a string or null */
    struct text topic, event; /* any text, maybe with NUL */
    const json_t *payload;    /* an object */
};

/* Is the text within the bounds of depth, keys and items? Text that is no JSON may pass: the parser judges that. */
bool frame_bounded(struct text);

/* False if it is not one message of the protocol; then there is nothing to free. Further elements are passed over. */
bool frame_parse(struct text, struct frame *) __attribute__((warn_unused_result));

void frame_free(struct frame *);

/* Refs are equal if they are both the same string or both null. */
bool frame_same_ref(const json_t *, const json_t *);

/* Append [join_ref, ref, topic, "phx_reply", {"status": status, "response": response}]. Refs may be NULL, for null.
 * All is borrowed. */
void frame_reply(struct buffer *out, const json_t *join_ref, const json_t *ref, struct text topic, const char *status,
                 const json_t *response);

/* The same with a response that is JSON already. */
void frame_reply_text(struct buffer *out, const json_t *join_ref, const json_t *ref, struct text topic,
                      const char *status, struct text response);

/* Is it a heartbeat as stock clients write it, letter for letter, with a number for a ref? Then the answer is written,
 * and its length returned; most of what idle clients say is that. 0: it is something else, which may be a heartbeat
 * too. */
enum { FRAME_HEARTBEAT_SIZE = 100 };
size_t frame_heartbeat(struct text, char out[FRAME_HEARTBEAT_SIZE]);

/* Append any other message down: a push to one (join_ref set), a broadcast (both NULL). */
void frame_push(struct buffer *out, const json_t *join_ref, const json_t *ref, struct text topic, const char *event,
                const json_t *payload);

/* The same with a payload that is JSON already, and without a ref. */
void frame_push_text(struct buffer *out, const json_t *join_ref, struct text topic, const char *event,
                     struct text payload);

/* Append a broadcast up to its payload, which is to be appended as JSON, and then a closing bracket. */
void frame_broadcast_head(struct buffer *out, struct text topic, const char *event);

#endif
