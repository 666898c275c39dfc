/* Who answers the doorbell of this host (chat/bell.h): looks at the room at once, and tells all others, relays and
 * handlers that hold polls, by NOTIFY.
 *
 * 1. The first ring is told at once; what rings meanwhile, and in the 5 ms after that, is told together: one
 * transaction is out at a time, and has each room once.
 * 2. Our own NOTIFYs come back to us, and are known by the connection that they come from: we have looked already. One
 *    that we do not know as ours makes us look once more, which is no harm.
 * 3. The bell hangs only while the database can be heard and read. When it is taken down (the database is lost, or we
 *    are to end) nobody can ring any more, which whoever writes finds out at once; first then what was rung is read to
 *    its end, so nothing that was taken is lost with the socket.
 * 4. Whenever the database is gained, at our start too, everybody is told to look at all rooms: something may have been
 *    rung that its porter could not tell any more. So too after a NOTIFY that may have failed.
 * 5. Memory and work are bounded whatever comes in: so many datagrams are read in a turn, and beyond so many rooms that
 *    wait to be told it is all of them. A room that nobody of ours is in costs no read. */
#ifndef CONFAB_RELAY_PORTER_H
#define CONFAB_RELAY_PORTER_H

#include <stdbool.h>

struct heard;
struct porter;
struct relay;

/* The bell does not hang yet. */
struct porter *porter_new(struct relay *) __attribute__((warn_unused_result, returns_nonnull));

/* Ends its worker; its handles close when the loop runs next. */
void porter_free(struct porter **);

/* The database was gained. Hang the bell, taking its path over from whoever had it, and tell everybody to look. */
void porter_gained(struct porter *);

/* The database was lost, or we are to end: take the bell down, when everything in it has been read. */
void porter_lost(struct porter *);

/* At the end of a turn: tell what rang in it. */
void porter_turn(struct porter *);

/* Once a second: a bell whose path another one has taken is taken down, so that the other is rung; where nobody has the
 * path any more, it is hung again. */
void porter_tick(struct porter *);

/* A NOTIFY of somebody who wrote, or of another porter: look at that room, or at all, if it names none. */
void porter_heard(struct porter *, const struct heard *);

/* Has everything been told, as far as that is possible? */
bool porter_done(const struct porter *);

#endif
