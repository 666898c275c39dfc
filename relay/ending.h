/* How the end of a session reaches its open pages: the log of ended sessions is followed, and what has passed its end
 * is looked at again.
 *
 * Nobody hears a message that was sent after the answer to a sign-out:
 * 1. The log is numbered under the lock of one row, the counter, in the transaction that ends the sessions. So whoever
 *    sees the counter at n can read all ends up to n, and none of them can come later.
 * 2. Messages are read in one statement, which is one snapshot, together with the counter as it is in that snapshot. If
 *    a sign-out was answered, it was committed; a message that was sent after that is committed later; so a snapshot
 *    with that message has that counter too.
 * 3. A read whose counter is not our position reads the log, as far as it goes, before anything of that read is told.
 *    The loop ends the sessions first and tells the messages second, in the same turn. Where the counter has not moved
 *    nothing was ended, and nothing is asked.
 * 4. A ring of the log's bell, and each sweep, read the log too: so ends are heard of where nobody posts.
 *
 * No end is missed:
 * 5. A peer is registered with its session first, on the loop, when our position is p; then its row is asked for. An
 * end up to p was committed before that, and the row shows it. One after p is read by a later step, which finds the
 * peer, whether its row was asked for before or after. The position moves only together with the ends that it stands
 * for.
 * 6. At the first read there is no position; it is taken from the counter, and whoever was let in before that is sent
 *    away to come back (1013). So are all members when the log does not go on from where we are: what we had not read
 *    is swept, the counter has gone back, or it is another database.
 * 7. Without the log nothing is told: a read that could not have it is no read.
 *
 * What members send is checked against their rows by itself (admit.h), whatever is known here. */
#ifndef CONFAB_RELAY_ENDING_H
#define CONFAB_RELAY_ENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

struct ending;
struct live_session;
struct relay;
struct revocation;
struct scope;

enum { ENDING_EPOCH_SIZE = 17 };

/* What a read is to bring of the log, and brings. */
struct ending_read {
    int64_t to;                    /* from here; then as far as this */
    char epoch[ENDING_EPOCH_SIZE]; /* of the database that this number is of; empty: there is none yet */
    bool done;                     /* the following was read */
    bool lost;                     /* the log does not go on from there */
    int64_t now;                   /* the database's clock, seconds since 1970 */
    struct revocation *items;      /* in the job's arena */
    size_t count, size;            /* and how many have room */
};

struct ending *ending_new(void) __attribute__((warn_unused_result, returns_nonnull));
void ending_free(struct ending **);

/* A read begins at our position. One at a time. */
void ending_ask(const struct ending *, struct ending_read *out);

/* On a worker: read on in the log, to its end. epoch is that of the database. May be repeated. DONE or BROKEN. */
enum outcome ending_follow(const struct scope *, struct ending_read *, const char *epoch)
    __attribute__((warn_unused_result));

/* What was read is true: end sessions, move on. Before anything of the same read is told. */
void ending_apply(struct relay *, const struct ending_read *);

/* A session has ended: all its peers are told why, and closed. */
void ending_session(struct relay *, struct live_session *, const char *reason);

/* Once a second: ask anew for the rows of sessions whose end has passed (they may have been renewed), and of those that
 * have not been looked at for five minutes, which count as seen by that. */
void ending_tick(struct relay *);

#endif
