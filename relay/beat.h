/* What idle clients say: a heartbeat now and then, and a pong when they are asked. There are thousands of them, each
 * finds the loop asleep and nothing of it in the caches, so both go the shortest way there is: no memory is taken, no
 * list is walked, the answer is sent at once. What is said in any other way goes the ordinary one (phoenix.h).
 *
 * Whoever sends heartbeats need not be asked for a sign of life as long as they come: PEER_BEAT_MS. */
#ifndef CONFAB_RELAY_BEAT_H
#define CONFAB_RELAY_BEAT_H

#include <stdbool.h>

#include "base/text.h"

struct peer;

/* Bytes came from a peer that is open. Were they a heartbeat or a pong, and nothing else? Then all was done about it.
 */
bool beat_came(struct peer *, struct text bytes);

#endif
