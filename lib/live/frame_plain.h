/* The messages that stock clients send most, a post or somebody typing, without a parser: an object of strings for a
 * payload, no white space, nothing escaped. Everything else is frame.h's. */
#ifndef CONFAB_LIVE_FRAME_PLAIN_H
#define CONFAB_LIVE_FRAME_PLAIN_H

#include <stdbool.h>

#include "base/text.h"
#include "live/frame.h"

/* Fill *frame as frame_parse would, to the letter. False: it is not written in that way, may be a message all the same,
 * and there is nothing to free. */
bool frame_plain(struct text, struct frame *) __attribute__((warn_unused_result));

#endif
