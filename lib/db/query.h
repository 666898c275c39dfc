/* A statement of sql/queries/, as the build compiles it into C (queries.h has their names). */
#ifndef CONFAB_DB_QUERY_H
#define CONFAB_DB_QUERY_H

#include <stdbool.h>

struct query {
    int index;
    const char *name;
    int params;
    bool reads;      /* changes nothing */
    bool repeatable; /* may be run again when a connection broke: it changes nothing, or twice is no harm */
    const char *sql;
};

#endif
