/* Where broadcasts come from: doorbells of the database, a sweep each second for what nobody rang for, and the rows
 * that are then read, once for all bells of a turn.
 *
 * 1. A bell says only which room to look at; what is told is always read as "rev greater than the room's", in order, so
 * a bell that is lost, late, or heard twice changes nothing.
 * 2. After each connect: LISTEN is committed, then all rooms are swept, then bells are trusted. What happened in
 * between is found by the sweep, what happens later rings.
 * 3. One read is out at a time; what rings meanwhile is read next, but for rooms that rest (resting.h).
 * 4. Each read brings what sessions have ended before what it brings of messages (ending.h).
 * 5. Without the database nothing is told (DESIGN 4), five seconds after its last sign of life all peers are sent away
 *    (1013). On return the sweep finds what was missed. A database that went back in time, or is another one, shows by
 *    its epoch or a counter that fell: members are told to join anew.
 * 6. A database that vanished without a word (a partition, a machine that lost its power) is found out by a ping that
 *    is not answered in time. Then all connections are taken for dead, also those that workers wait on: what becomes of
 *    their statements is settled on new ones. */
#ifndef CONFAB_RELAY_SOURCE_H
#define CONFAB_RELAY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct hub_room;
struct job;
struct relay;
struct source;

/* Begins to connect when the loop runs. */
struct source *source_new(struct relay *) __attribute__((warn_unused_result, returns_nonnull));

/* Ends its worker; its handles close when the loop runs next. */
void source_free(struct source **);

/* A join was accepted: a room that nobody was in before is read from there. */
void source_settle(struct source *, struct hub_room *);

/* Something may have been committed in the room of that number: read it, if anybody is there. */
void source_ring(struct source *, int64_t id);

/* The same in any room. */
void source_ring_all(struct source *);

/* At the end of a turn: read what rang in it. */
void source_turn(struct source *);

/* The relay has not run for so many milliseconds: the database may have answered meanwhile. */
void source_excuse(struct source *, int64_t ms);

/* Once a second. */
void source_tick(struct source *);

/* Have the source's worker do it, in turn with its reads: jobs come back in the order of what they saw. */
void source_submit(struct source *, struct job *);

/* Since when the database can be heard and read (microseconds since 1970), or 0 while it can not. */
int64_t source_connected_since(const struct source *);

/* Has the database been away so long that nobody can be served? Shorter pauses are waited out by those who are here,
 * and by those who come. */
bool source_away(const struct source *);

#endif
