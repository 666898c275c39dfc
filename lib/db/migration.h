/* The schema's history, compiled in, and bringing a database up to date. */
#ifndef CONFAB_DB_MIGRATION_H
#define CONFAB_DB_MIGRATION_H

#include <stdbool.h>

struct arena;
struct db;

struct migration {
    int version; /* 1, 2, 3, ... without a gap */
    const char *name, *sql;
};

extern const struct migration migrations[];
extern const int migration_count;
extern const char migration_roles[]; /* roles and rights: run after every migration */

/* Apply what is missing, each in a transaction of its own, then the rights; one process at a time. told is called for
 * each one applied. False: db_complaint has the reason, and what was applied before stays. */
bool migration_run(struct db *, struct arena *, void (*told)(const struct migration *));

/* How far this database is: 0 when it is empty, -1 when it cannot be asked. */
int migration_version(struct db *, struct arena *);

#endif
