/* How the messages get in. Each message says "bench:" and its number, so that wsload knows it again.
 *
 * 1. pg:ROOM:CONNECTION: rows of that room (its id) as the owner writes them, one statement for all that are due, then
 * the doorbell. Nothing but the database and the relay's own reading stands between, so what is measured is the
 * fan-out.
 * 2. ws:ADDRESS/PATH TEXT: a WebSocket of its own; %m in TEXT is the message.
 * 3. http:ADDRESS/PATH: POST, kept alive, all that are due written at once.
 *
 * Not here: when they are due. Called by one thread. */
#ifndef CONFAB_BENCH_FEED_H
#define CONFAB_BENCH_FEED_H

#include <stdint.h>

struct feed;

/* size: bytes of a message's text, at least 32. hello: what a WebSocket says first, or the empty text. bell: the
 * relay's (chat/bell.h) that is rung for rows, or the empty text: NOTIFY. */
struct feed *feed_open(const char *what, int64_t size, const char *hello, const char *bell)
    __attribute__((returns_nonnull));

/* Put messages first .. first + count - 1; returns when the server has them. *committed becomes the time at which the
 * database confirmed them (0 where there is none). */
void feed_put(struct feed *, int64_t first, int64_t count, int64_t *committed);

#endif
