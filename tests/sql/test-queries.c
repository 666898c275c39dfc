/* Every statement of sql/queries, prepared on the database whose connection string is the first argument; the others
 * name those that this role must be refused. tests/sql/queries.t gives them. Without an argument it is skipped. */
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

static bool writes(const char *plan)
{
    return !plan || strstr(plan, "Insert on") || strstr(plan, "Update on") || strstr(plan, "Delete on");
}

/* Something that it matters to do twice: anything but the counting of throttles, an end or a value that is set once
 * more, and mailboxes, which look themselves whether they have a letter. */
static bool changes(const char *plan)
{
    static const char *const harmless[] = { "Insert on throttles", "Delete on throttles", "Update on tokens",
                                            "Update on users",     " on mailbox",         "on presences",
                                            "on presence_leases" };
    for (size_t i = 0; plan && i < sizeof harmless / sizeof harmless[0]; i++)
        if (strstr(plan, harmless[i]) && !strstr(plan, "Insert on tokens"))
            return false;
    return writes(plan);
}

/* What it costs must not grow with the number of rows. The counters of ended sessions and of what is shown are one row
 * each, which is read without an index. */
static bool by_index(const char *plan)
{
    static const char *const counters[] = { "revocation_counter ", "shown_counter " };
    const char *scan = plan;
    while (scan && (scan = strstr(scan, "Seq Scan on "))) {
        scan += strlen("Seq Scan on ");
        if (strncmp(scan, counters[0], strlen(counters[0])) != 0 &&
            strncmp(scan, counters[1], strlen(counters[1])) != 0)
            return false;
    }
    return true;
}

static void test_refused(PGconn *connection, const struct query *query)
{
    char sql[200];
    PQclear(PQprepare(connection, query->name, query->sql, 0, NULL));
    int len = snprintf(sql, sizeof sql, "execute %s", query->name);
    for (int i = 0; i < query->params; i++)
        len += snprintf(sql + len, sizeof sql - (size_t)len, i ? ", null" : " (null");
    snprintf(sql + len, sizeof sql - (size_t)len, query->params ? ")" : "");
    PGresult *result = PQexec(connection, sql);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    is(state, "42501", "%s is not for this role", query->name);
    PQclear(result);
}

static bool named(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
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
    ok(!query->reads || !writes(plan), "%s changes nothing if it is said to read", query->name);
    ok(!query->repeatable || !changes(plan), "%s does no harm if it is run again", query->name);
    ok(by_index(plan), "%s is by index", query->name);
    free(plan);
}

/* As every connection of ours begins. */
static bool as_db_does(PGconn *connection)
{
    PGresult *result = PQexec(connection, query_database_settings.sql);
    bool good = ok(PQresultStatus(result) == PGRES_TUPLES_OK, "the connection is set up");
    PQclear(result);
    return good;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        printf("1..0 # SKIP no database was given\n");
        return 0;
    }
    PGconn *connection = PQconnectdb(argv[1]);
    if (ok(PQstatus(connection) == CONNECTION_OK, "connected") && as_db_does(connection))
        for (int i = 0; i < QUERY_COUNT; i++) {
            ok(queries[i]->index == i, "%s has its place in the list", queries[i]->name);
            if (named(queries[i]->name, argc - 2, argv + 2))
                test_refused(connection, queries[i]);
            else
                test_query(connection, queries[i]);
        }
    else
        printf("# %s", PQerrorMessage(connection));
    PQfinish(connection);
    return done();
}
