/* Reads that were foretold (db.h), and their answers once they are there. No I/O. */
#ifndef CONFAB_DB_AHEAD_H
#define CONFAB_DB_AHEAD_H

#include <stdbool.h>

#include "db/db.h"

struct query;

enum { AHEAD_MAX = 2 };

struct ahead {
    int count;
    bool answered; /* all of them */
    struct foretold {
        const struct query *query; /* NULL: its answer was taken */
        const struct params *params;
        struct rows rows;
    } foretold[AHEAD_MAX];
};

/* At most AHEAD_MAX; neither is copied. */
void ahead_add(struct ahead *, const struct query *, const struct params *);

/* Their answers, as many as were foretold. Where one is not DONE nothing is kept of any. */
void ahead_answer(struct ahead *, const struct rows *);

/* Is this what was foretold, and answered? Then it is given, once. */
bool ahead_take(struct ahead *, const struct query *, const struct params *, struct rows *out);

void ahead_clear(struct ahead *);

#endif
