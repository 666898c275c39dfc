/* Memory by lifetime: an arena lives as long as a request, a turn of the relay's loop, or a job of a worker.
 * Nothing that came from an arena is freed by hand. Running out of memory ends the process. */
#ifndef CONFAB_BASE_ARENA_H
#define CONFAB_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* An empty arena. Free it with arena_free. */
struct arena *arena_new(void) __attribute__((warn_unused_result, returns_nonnull));

/* Release all memory and everything owned, newest first; clears the caller's pointer. NULL is fine. */
void arena_free(struct arena **);

/* The same, but keep the arena (and its first block) for the next round. */
void arena_reset(struct arena *);

/* Zeroed memory, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *, size_t size) __attribute__((warn_unused_result, returns_nonnull));

/* Zeroed memory for count things of a size; an overflowing product ends the process. */
void *arena_array(struct arena *, size_t count, size_t size) __attribute__((warn_unused_result, returns_nonnull));

/* A copy of len bytes with a NUL put behind them. */
char *arena_copy(struct arena *, const void *at, size_t len) __attribute__((warn_unused_result, returns_nonnull));

/* Formatted text, ended by NUL. */
char *arena_printf(struct arena *, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result, returns_nonnull));

/* Hand over a foreign thing: it is released with the arena by calling release(thing). Returns thing.
 * A NULL thing is not remembered. */
void *arena_own(struct arena *, void *thing, void (*release)(void *));

#endif
