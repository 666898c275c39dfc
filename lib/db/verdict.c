/* By SQLSTATE (PostgreSQL manual, appendix A). */
#include "db/verdict.h"

#include <string.h>

static const char *state_of(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state ? state : "";
}

static bool one_of(const char *state, const char *const *states)
{
    for (; *states; states++)
        if (strncmp(state, *states, strlen(*states)) == 0)
            return true;
    return false;
}

bool verdict_deadlock(const PGresult *result)
{
    static const char *const states[] = { "40001", "40P01", NULL };
    return one_of(state_of(result), states);
}

bool verdict_reconnect(const PGresult *result)
{
    /* admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped; connection exceptions; read-only
     * transaction */
    static const char *const states[] = { "57P0", "08", "25006", NULL };
    return one_of(state_of(result), states);
}

enum db_status verdict_of(const PGresult *result, const char **constraint)
{
    /* insufficient resources, query cancelled by statement_timeout, lock not available */
    static const char *const busy[] = { "53", "57014", "55P03", "25006", NULL };
    static const char *const broken[] = { "57P0", "08", NULL };
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY)
        return DB_DONE;
    const char *state = state_of(result), *name = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    if (strncmp(state, "23", 2) == 0 && name) {
        *constraint = name;
        return DB_CONFLICT;
    }
    if (verdict_deadlock(result) || one_of(state, busy))
        return DB_AWAY;
    /* No SQLSTATE: libpq made the error itself, because the connection broke. */
    if (!*state || one_of(state, broken))
        return DB_LOST;
    return DB_FAILED;
}
