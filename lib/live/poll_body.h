/* What a long poll posts: messages of the protocol, one a line (WIRE-PROTOCOL 6.4). Pure: no database. */
#ifndef CONFAB_LIVE_POLL_BODY_H
#define CONFAB_LIVE_POLL_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "live/frame.h"

struct arena;

enum { POLL_FRAMES_MAX = 100 };

struct poll_body {
    struct frame *frames; /* freed with the arena */
    size_t count;
};

/* False: a line is no text message, there are more than POLL_FRAMES_MAX, or a ref is longer than CURSOR_REF_MAX, empty
 * or with NUL. Then none of it may be done. Empty lines are passed over, and a body of nothing is one of no messages.
 */
bool poll_body_parse(struct arena *, struct text body, struct poll_body *out) __attribute__((warn_unused_result));

#endif
