/* What was read of a room is told to its members, and how long the room is left alone after that: it may rest
 * (resting.h), and the next part of a burst waits for those who read (burst.h). Loop thread only. */
#ifndef CONFAB_RELAY_TELLING_H
#define CONFAB_RELAY_TELLING_H

#include <stdint.h>

struct hub_room;
struct read_job;
struct read_room;
struct relay;

/* Tell everything that a read brought of a room, which is still the one that was read. It is to be read again if there
 * was more. */
void telling_room(struct relay *, struct hub_room *, const struct read_room *);

/* How long the room is not to be read from now on, in nanoseconds: 0, or at least half a millisecond, and then ask
 * again. */
uint64_t telling_left(struct relay *, struct hub_room *, uint64_t now);

#endif
