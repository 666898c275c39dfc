/* What a result of libpq means for us. Inside lib/db only. */
#ifndef CONFAB_DB_VERDICT_H
#define CONFAB_DB_VERDICT_H

#include <libpq-fe.h>

#include "db/db.h"

/* The status of an answer; with DB_CONFLICT *constraint is its name, inside the result. */
enum db_status verdict_of(const PGresult *, const char **constraint);

/* The statement was rolled back only because of others: run it again. */
bool verdict_deadlock(const PGresult *);

/* This connection will not do any more (shut down, or a standby after a failover). */
bool verdict_reconnect(const PGresult *);

#endif
