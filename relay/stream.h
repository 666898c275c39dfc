/* A room's stream: an endless page for browsers without JavaScript, to which each new message is added as the line that
 * every page shows. It stands in a frame of the room's page and goes on where that ends (`after`).
 *
 * 1. As with a join, the peer is a pending member first, a worker reads what is newer than `after`, and then what was
 *    held follows. So nothing is left out, and nothing comes twice.
 * 2. It ends by its connection alone. One that ends by plan (the relay goes, it has become old, the reader is slow) has
 *    a last line that asks for the rest anew, after what was sent. One whose session has ended says so.
 * 3. Its cookie proves nothing but who may read: it takes nothing in, and no other site may show it in a frame. A
 * cookie that does not hold is dropped, as for every page. */
#ifndef CONFAB_RELAY_STREAM_H
#define CONFAB_RELAY_STREAM_H

struct peer;
struct relay;
struct upgrade;

/* A request that was judged to be one. */
void stream_open(struct peer *, const struct upgrade *);

/* At the end of a turn. */
void stream_turn(struct relay *);

#endif
