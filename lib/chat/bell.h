/* The doorbell of this host: whoever has written something says so to the relay, in a datagram on a unix socket
 * (relay.bell) that holds the number of the room; the relay looks, and tells all others (relay/porter.h). That costs a
 * system call, where a NOTIFY of one's own costs Postgres up to half as much as the message did.
 *
 * 1. It is rung after the commit, so whoever looks then finds what was written.
 * 2. A datagram that was taken but never read dies with its relay. The next one tells everybody, before all else, to
 *    look at all rooms; and relays look once a second anyway.
 * 3. Where it can not be rung (no relay, one that has just ended, one that is cut off from the database and has closed
 *    it, one that is stopped and has not read what this process rang 0.2 s ago) the answer is no at once, and whoever
 * wrote NOTIFYs himself.
 * 4. Who can reach the socket can make relays look at rooms, and nothing else. */
#ifndef CONFAB_CHAT_BELL_H
#define CONFAB_CHAT_BELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bell;

/* Of a datagram: the room's number, a positive one, the highest byte first. */
enum { BELL_BYTES = 8 };

/* For one process or thread. where is config.relay_bell; of an empty one there is no bell: NULL, which all of these
 * take for one that nobody hears. Nothing is opened yet. */
struct bell *bell_new(const char *where) __attribute__((warn_unused_result));
void bell_free(struct bell **);

/* Is there somebody who hears it, as far as we know? Opens it where that was not tried within the last second. */
bool bell_there(struct bell *);

/* Something was committed in this room. True: the relay has it. False: say it in another way. Never waits. */
bool bell_ring(struct bell *, int64_t room);

/* What a datagram says; false if that is nothing. */
bool bell_read(const unsigned char *bytes, size_t len, int64_t *room);

#endif
