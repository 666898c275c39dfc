/* Long polls and who is here: a poll counts as a page in each room of its cursor, and is told the rooms' lists. */
#ifndef CONFAB_LIVE_POLL_PRESENCE_H
#define CONFAB_LIVE_POLL_PRESENCE_H

#include <stdbool.h>

/* Seconds, at least, between two times that a poll is told. */
enum { POLL_PRESENCE_SECONDS = 2 };

struct poll;
struct scope;

/* At each drain, when letters and rooms are done: it is here, with what it is joined to (before: it was joined to
 * something when the drain began). Then the lists that are not those that its cursor knows are added: state and count,
 * not more often than that, but for a topic that knows none. What cannot be asked now is asked the next
 * time. */
void poll_presence(const struct scope *, struct poll *, bool before);

/* The bell of presence: lists that are kept for a moment, for all polls of the process, are not true any more. From any
 * thread. */
void poll_presence_rang(void);

#endif
