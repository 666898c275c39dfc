/* Who polls: what came with a request of the long poll, and whether it may go on (WIRE-PROTOCOL 6 and 7). The same for
 * the relay and for the handler. In two steps as in web/session.h, because a relay must know which session it is before
 * it asks whether that still holds. */
#ifndef CONFAB_LIVE_POLL_ASKER_H
#define CONFAB_LIVE_POLL_ASKER_H

#include <stdbool.h>

#include "base/errors.h"
#include "base/text.h"
#include "live/cursor.h"
#include "web/session.h"

struct poll;
struct scope;

/* Empty texts: it was not there. */
struct poll_came {
    struct credentials credentials; /* the Cookie header; X-Phoenix-AuthToken */
    struct text token;              /* of the query, else X-Phoenix-Longpoll-Token */
    struct text vsn, csrf;          /* of the query */
    struct text origin, fetch_site; /* Origin, Sec-Fetch-Site */
    bool post;
};

/* WELCOME: go on. STRANGER: 403. LOST: a token that is none of ours, or old: 500 to a GET, from which every client
 * recovers, 410 to a POST. ENDED: the session of the token has ended; a GET tells its topics so (poll_asker_tell), a
 * POST is answered as a stranger's. */
enum poll_verdict { POLL_WELCOME, POLL_STRANGER, POLL_LOST, POLL_ENDED };

struct poll_asker {
    enum poll_verdict verdict;
    const char *reason;     /* why not, for the log; of ENDED the word of token_end_name */
    bool begun;             /* a token came; else it is the first GET */
    struct cursor cursor;   /* of the token, or the new one */
    struct session session; /* CLAIMED until it is checked; NONE for a guest without a cookie */
    struct text csrf;
    bool stray; /* the token came without the cookie that belongs to it: it only matters why */
};

/* What can be said without the database. Needs the scope's arena, config and now. Texts are borrowed; the rest lives in
 * the arena. */
void poll_asker_read(const struct poll_came *, struct scope *, struct poll_asker *out);

/* Ask whether the session holds, and fill the scope's asker. It changes what was read: whoever holds a poll keeps a
 * copy of that, and checks a copy of it again after each bell for sessions. BROKEN: the database could not be asked. */
enum outcome poll_asker_check(struct scope *, struct poll_asker *) __attribute__((warn_unused_result));

/* Tell every topic that the session has ended, and take them all out of the cursor: whoever polls on with that is a
 * stranger. */
void poll_asker_tell(const struct poll_asker *, struct poll *);

#endif
