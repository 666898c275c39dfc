/* Who is here as Phoenix Presence tells it (WIRE-PROTOCOL 5): a state, differences between two states, and our own
 * count. Each writes a payload; the frame around it is the caller's. Pure.
 *
 * A change of a page's name or picture is a new meta: phx_ref is made of the page's ref and of what is shown, because
 * clients match by it, joins before leaves. */
#ifndef CONFAB_LIVE_PRESENCE_EVENTS_H
#define CONFAB_LIVE_PRESENCE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "chat/presence.h"

/* presence_state: {key: {"metas": [...]}, ...}, as many keys as the list names. */
void presence_state_json(struct buffer *out, const struct presence_list *);

/* presence_diff: what makes the first into the second. False: nothing, and then nothing was written. Where either is
 * cut the client may know more keys than are named: then a state must be sent instead whenever `cut` changed. */
bool presence_diff_json(struct buffer *out, const struct presence_list *was, const struct presence_list *is);

/* presence_count: {"people": 3, "guests": 2} */
void presence_count_json(struct buffer *out, const struct presence_list *);

/* A number that is the same for lists that look the same, in any process. Never 0. */
uint32_t presence_version(const struct presence_list *);

#endif
