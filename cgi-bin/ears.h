/* What a process hears: a connection of its own that LISTENs, opened when a poll is first held, and kept for the next.
 * Whoever waits is woken only by what concerns its cursor. */
#ifndef CONFAB_CGI_EARS_H
#define CONFAB_CGI_EARS_H

#include <stdbool.h>
#include <stdint.h>

struct cursor;
struct ears;
struct scope;

/* Nothing is opened yet. url must last. */
struct ears *ears_new(const char *url) __attribute__((warn_unused_result, returns_nonnull));
void ears_free(struct ears **);

/* Close the connection: nobody waits for a while. */
void ears_close(struct ears *);

/* Listen, unless it does already, and forget what was heard. What happens from here on is heard, once ears_wait has
 * said EARS_NEWS if it did not listen before; so look for what there is after this, and again at each waking. */
void ears_open(struct ears *);

/* Does it hear for certain? A connection that goes through a pooler may take LISTEN and hear nothing; so each rings for
 * itself once, and is sure when it has heard that. Until then, look once a second. */
bool ears_sure(const struct ears *);

/* Why the waiting is over: any of these together, or none when the time is up, a signal came, or it has
 * become sure, or is not any more. */
enum {
    EARS_NEWS = 1,     /* in the mailbox or a room of the cursor */
    EARS_SESSIONS = 2, /* some session has ended */
    EARS_GONE = 4,     /* nobody is at the other end of the descriptor any more */
};

/* Wait until something concerns the cursor, or until a time of clock_steady, or a signal. client is the descriptor of
 * whoever waits for the answer. */
unsigned ears_wait(struct ears *, const struct scope *, const struct cursor *, int client, int64_t until);

#endif
