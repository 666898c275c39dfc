/* Who is in the rooms that somebody here is in: each room's list as it was read last, and who has been told what. Kept
 * as long as the room has pages here. Loop thread only.
 *
 * 1. A bell says that a room's list changed; then it is read, and what is told is the difference from what was told
 *    before. Bells that are lost, late or heard twice change nothing, and each list is read again now and then.
 * 2. Who joins is sent the list as it was told to the others, or hears the first one when it is read; after that,
 *    differences. Who is pending hears nothing: the list follows the answer to its join.
 * 3. What is told is bounded by time, not by how many come: one read is out at a time, none of the same room sooner
 *    than a tenth of a second after the one before, nor before five times as long as that took. A large room is told in
 *    portions, so that nobody waits for it, and nothing is read until all have been told.
 * 4. A page that is slow to take what it is sent is told nothing, and later everything at once. */
#ifndef CONFAB_RELAY_CROWD_H
#define CONFAB_RELAY_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct crowd;
struct crowds;
struct hub_member;
struct presence;
struct relay;

struct crowds *crowds_new(struct relay *, struct presence *) __attribute__((warn_unused_result, returns_nonnull));
/* All pages must have left, and no jobs may be out. The loop must run once more. */
void crowds_free(struct crowds **);

/* A page in a room more, and one less; clears the caller's pointer. */
struct crowd *crowd_join(struct crowds *, int64_t room_id) __attribute__((returns_nonnull));
int64_t crowd_room(const struct crowd *);
void crowd_leave(struct crowds *, struct crowd **);

/* A member whose page is in the crowd was let in: send it the list. */
void crowd_greet(struct crowds *, struct hub_member *);

/* The bell: rooms, or nothing for all. */
void crowd_rang(struct crowds *, struct text rooms);
void crowd_rang_all(struct crowds *);

/* Read the next list, if it is time. Is one waiting? */
void crowd_read(struct crowds *);
bool crowd_waiting(const struct crowds *);

/* Once a second. */
void crowd_tick(struct crowds *);

/* May the member say that it is typing? What comes too often is passed over. */
bool crowd_may_type(struct crowds *, struct hub_member *);

/* Somebody is typing, as JSON. */
void crowd_typing(struct crowds *, struct text said);

#endif
