/* Every statement of sql/queries, prepared on the database whose connection string is the only argument;
 * tests/sql/queries.t gives it one. Without an argument it is skipped. */
#include "../support/tap.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "queries.h"

/* The plan of a query with nothing but nulls. */
static char *plan_of(PGconn *connection, const struct query *query)
{
    char sql[512];
    int len = snprintf(sql, sizeof sql, "explain execute %s", query->name);
    for (int i = 0; i < query->params; i++)
        len += snprintf(sql + len, sizeof sql - (size_t)len, i ? ", null" : " (null");
    snprintf(sql + len, sizeof sql - (size_t)len, query->params ? ")" : "");
    PGresult *result = PQexec(connection, sql);
    char *plan = calloc(1, 64 * 1024);
    ok(PQresultStatus(result) == PGRES_TUPLES_OK, "%s can be run", query->name);
    for (int i = 0; plan && i < PQntuples(result); i++)
        strncat(plan, PQgetvalue(result, i, 0), 1000);
    PQclear(result);
    return plan;
}

/* Something that it matters to do twice: anything but the counting of throttles. */
static bool changes(const char *plan)
{
    if (plan && strstr(plan, "Insert on throttles"))
        return false;
    return !plan || strstr(plan, "Insert on") || strstr(plan, "Update on") || strstr(plan, "Delete on");
}

static void test_query(PGconn *connection, const struct query *query)
{
    PGresult *result = PQprepare(connection, query->name, query->sql, 0, NULL);
    bool good = ok(PQresultStatus(result) == PGRES_COMMAND_OK, "%s is prepared", query->name);
    if (!good)
        printf("# %s", PQresultErrorMessage(result));
    PQclear(result);
    if (!good)
        return;
    result = PQdescribePrepared(connection, query->name);
    ok(PQnparams(result) == query->params, "%s has %d parameters", query->name, query->params);
    PQclear(result);
    char *plan = plan_of(connection, query);
    ok(!query->repeatable || !changes(plan), "%s does no harm if it is run again", query->name);
    free(plan);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        printf("1..0 # SKIP no database was given\n");
        return 0;
    }
    PGconn *connection = PQconnectdb(argv[1]);
    if (ok(PQstatus(connection) == CONNECTION_OK, "connected"))
        for (int i = 0; i < QUERY_COUNT; i++) {
            ok(queries[i]->index == i, "%s has its place in the list", queries[i]->name);
            test_query(connection, queries[i]);
        }
    else
        printf("# %s", PQerrorMessage(connection));
    PQfinish(connection);
    return done();
}
