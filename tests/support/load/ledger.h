/* What was acknowledged, what each reader was shown, and what the database holds in the end: and whether that fits
 * together. Pure. A message is known by its number, which its author chose and its text carries; its place is its seq.
 *
 * Nothing is edited, so a room's places are 1..n without a hole, and every hole that a reader shows is a loss. */
#ifndef CONFAB_TESTS_LOAD_LEDGER_H
#define CONFAB_TESTS_LOAD_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;

/* The text of a message that is none of ours. */
enum { LEDGER_FOREIGN = -1 };

struct verdict {
    size_t acknowledged, stored, shown;
    size_t lost;         /* stored behind the reader's beginning, never shown to it; counted for each reader */
    size_t twice;        /* shown again to the same reader */
    size_t reordered;    /* shown after one of a later place */
    size_t missing;      /* acknowledged, not in the database */
    size_t stored_twice; /* in the database again, under another place */
    size_t strange;      /* another text at that place than the database has, or acknowledged with another place */
    size_t excused;      /* not shown, because the reader was told to begin anew */
};

struct ledger *ledger_new(size_t readers) __attribute__((warn_unused_result, returns_nonnull));
void ledger_free(struct ledger **);

/* seq 0: the answer did not tell. */
void ledger_acknowledged(struct ledger *, int64_t number, int64_t seq);

/* The reader's beginning: what is at or before that place is none of its business. */
void ledger_begins(struct ledger *, size_t reader, int64_t seq);

void ledger_shown(struct ledger *, size_t reader, int64_t seq, int64_t number);

/* The reader was told to drop what it has and begin anew at that place: what it missed before is excused. */
void ledger_reset(struct ledger *, size_t reader, int64_t seq);

/* A row of the database. */
void ledger_stored(struct ledger *, int64_t seq, int64_t number);

/* When everything is over. */
struct verdict ledger_judge(const struct ledger *);

/* Nothing is wrong. */
bool verdict_good(const struct verdict *);

#endif
