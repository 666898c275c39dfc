/* Time: microseconds since 1970-01-01 UTC, and how it is written. */
#ifndef CONFAB_BASE_CLOCK_H
#define CONFAB_BASE_CLOCK_H

#include <stdint.h>

struct arena;

/* Now, by this host's clock. What must agree between hosts asks the database instead. */
int64_t clock_now(void);

/* A clock that never jumps, for time-outs. */
int64_t clock_steady(void);

enum { CLOCK_TEXT_SIZE = 25 };

/* RFC 3339 in UTC with milliseconds, "2026-11-20T08:30:00.125Z". Writes into out and returns it. */
char *clock_text(int64_t at, char out[CLOCK_TEXT_SIZE]);

#endif
