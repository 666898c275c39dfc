/* The connection and the running of statements. How a refusal is judged is in verdict.c, parameters are in params.c,
 * columns in rows.c.
 *
 * Everything is sent asynchronously and waited for with poll, so that a database which no longer answers costs a
 * time-out instead of a thread (libpq itself waits for ever). */
#include "db/db.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "db/ahead.h"
#include "db/verdict.h"
#include "queries.h"

enum { CONNECT_MS = 5000, ANSWER_MS = 15000, LOOK_MS = 50, EPOCH_SIZE = 17, DEADLOCK_TRIES = 3 };

struct db {
    const char *url;
    const char *program;
    PGconn *connection; /* NULL while there is none */
    bool prepared[QUERY_COUNT];
    char epoch[EPOCH_SIZE]; /* empty until asked */
    char complaint[256];
    struct ahead ahead;
    const atomic_uint *era; /* or NULL */
    unsigned opened_in;     /* the era in which the connection was opened */
};

struct db *db_new(const char *url, const char *program)
{
    struct db *db = calloc(1, sizeof *db);
    must(db != NULL);
    db->url = url;
    db->program = program;
    return db;
}

void db_watch(struct db *db, const atomic_uint *era)
{
    db->era = era;
}

/* Has the connection been declared dead since it was opened? */
static bool forgotten(const struct db *db)
{
    return db->era && atomic_load(db->era) != db->opened_in;
}

static void disconnect(struct db *db)
{
    PQfinish(db->connection);
    db->connection = NULL;
    memset(db->prepared, 0, sizeof db->prepared);
    db->epoch[0] = '\0';
}

void db_free(struct db **db)
{
    if (!*db)
        return;
    disconnect(*db);
    free(*db);
    *db = NULL;
}

const char *db_complaint(const struct db *db)
{
    return db->complaint;
}

int db_backend(const struct db *db)
{
    return db->connection ? PQbackendPID(db->connection) : 0;
}

static void complain(struct db *db, const char *event, const char *query, const char *sentence)
{
    struct text text = text_of(sentence);
    while (text.len && text.at[text.len - 1] == '\n')
        text.len--;
    if (!text.len)
        text = TEXT("no answer");
    size_t len = text.len < sizeof db->complaint - 1 ? text.len : sizeof db->complaint - 1;
    memcpy(db->complaint, text.at, len);
    db->complaint[len] = '\0';
    log_event(LOG_ERROR, event, LOG_S("query", query), LOG_T("reason", text));
}

/* Wait until the connection's descriptor is ready, which counts even when the time is over: we may have been stopped
 * ourselves. False: there was nothing in that time, poll failed, or the connection was declared dead. */
static bool wait_for(const struct db *db, short events, int64_t until)
{
    for (;;) {
        int64_t left = (until - clock_steady()) / 1000 + 1;
        int64_t slice = db->era && left > LOOK_MS ? LOOK_MS : left;
        struct pollfd ready = { .fd = PQsocket(db->connection), .events = events };
        int got = poll(&ready, 1, slice > 0 ? (int)slice : 0);
        if (got > 0)
            return true;
        if ((got < 0 && errno != EINTR) || left <= 0 || forgotten(db))
            return false;
    }
}

static bool finish_connecting(const struct db *db)
{
    int64_t until = clock_steady() + CONNECT_MS * 1000;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING; /* as libpq's manual asks, before the first poll */
    while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
        if (!wait_for(db, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until))
            return false;
        state = PQconnectPoll(db->connection);
    }
    return state == PGRES_POLLING_OK;
}

/* Wait until PQgetResult need not. False: the connection broke, or the time was over. */
static bool settle(const struct db *db, int64_t until)
{
    PGconn *connection = db->connection;
    int flushed;
    while ((flushed = PQflush(connection)) > 0)
        if (!wait_for(db, POLLIN | POLLOUT, until) || !PQconsumeInput(connection))
            return false;
    while (flushed == 0 && PQisBusy(connection))
        if (!wait_for(db, POLLIN, until) || !PQconsumeInput(connection))
            return false;
    return flushed == 0;
}

static bool is_error(const PGresult *result)
{
    return result && PQresultStatus(result) == PGRES_FATAL_ERROR;
}

/* The last result of a statement is the one that counts, or the first error. */
static PGresult *later(PGresult *last, PGresult *next)
{
    PGresult *dropped = is_error(last) ? next : last;
    PGresult *kept = is_error(last) ? last : next;
    PQclear(dropped);
    return kept;
}

/* The result of what was sent; NULL when the connection broke or the time was over. */
static PGresult *await(const struct db *db)
{
    int64_t until = clock_steady() + ANSWER_MS * 1000;
    PGresult *last = NULL;
    while (settle(db, until)) {
        PGresult *next = PQgetResult(db->connection);
        if (!next)
            return last;
        last = later(last, next);
    }
    PQclear(last);
    return NULL;
}

/* The same in a pipeline, where a statement has been committed when its point of synchronisation comes, and not
 * before. */
static PGresult *await_sync(const struct db *db)
{
    int64_t until = clock_steady() + ANSWER_MS * 1000;
    PGresult *last = NULL;
    for (bool ended = false; settle(db, until);) {
        PGresult *next = PQgetResult(db->connection);
        if (next && PQresultStatus(next) == PGRES_PIPELINE_SYNC) {
            PQclear(next);
            return last;
        }
        if (!next && (ended || PQstatus(db->connection) == CONNECTION_BAD))
            break;
        ended = !next; /* one stands behind each statement's results */
        last = next ? later(last, next) : last;
    }
    if (is_error(last))
        return last;
    PQclear(last);
    return NULL;
}

static void ignore_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

/* Where it is refused we can do without. False: the connection broke. */
static bool settings(const struct db *db)
{
    PGresult *result =
        PQsendQueryParams(db->connection, query_database_settings.sql, 0, NULL, NULL, NULL, NULL, 0) ? await(db) : NULL;
    bool answered = result && PQstatus(db->connection) == CONNECTION_OK;
    PQclear(result);
    return answered;
}

/* dbname is expanded, so the url may be a URI or key=value pairs; what it says itself wins over our defaults, but not
 * over client_encoding. */
static bool connect_anew(struct db *db)
{
    const char *const keys[] = { "fallback_application_name",
                                 "connect_timeout",
                                 "keepalives_idle",
                                 "keepalives_interval",
                                 "keepalives_count",
                                 "tcp_user_timeout",
                                 "dbname",
                                 "client_encoding",
                                 NULL };
    const char *const values[] = { db->program, "5", "5", "2", "3", "5000", db->url, "UTF8", NULL };
    disconnect(db);
    db->opened_in = db->era ? atomic_load(db->era) : 0;
    db->connection = PQconnectStartParams(keys, values, 1);
    must(db->connection != NULL);
    PQsetNoticeReceiver(db->connection, ignore_notice, NULL);
    PQsetErrorVerbosity(db->connection, PQERRORS_TERSE); /* the detail can be a whole row, and what we log is this */
    if (PQstatus(db->connection) != CONNECTION_BAD && finish_connecting(db) && settings(db))
        return true;
    complain(db, "database away", "connect", PQerrorMessage(db->connection));
    disconnect(db);
    return false;
}

static void clear_result(void *result)
{
    PQclear(result);
}

/* Judge an answer, keep it in the arena, and give up a connection that cannot be used on. */
static struct rows judge(struct db *db, struct arena *arena, const char *name, PGresult *result)
{
    struct rows rows = { .status = DB_LOST };
    if (!result) {
        complain(db, "database lost", name, PQerrorMessage(db->connection));
        disconnect(db);
        return rows;
    }
    arena_own(arena, result, clear_result);
    rows.result = result;
    rows.status = verdict_of(result, &rows.constraint);
    if (rows.status == DB_DONE)
        rows.count = PQntuples(result);
    else if (rows.status != DB_CONFLICT && !verdict_deadlock(result))
        complain(db, "statement failed", name, PQresultErrorMessage(result));
    if (rows.status == DB_CONFLICT)
        rows.constraint = arena_copy(arena, rows.constraint, strlen(rows.constraint));
    if (PQstatus(db->connection) != CONNECTION_OK || verdict_reconnect(result))
        disconnect(db);
    return rows;
}

static struct rows prepare(struct db *db, struct arena *arena, const struct query *query)
{
    struct rows rows = { .status = DB_DONE };
    if (db->prepared[query->index])
        return rows;
    PGresult *result = PQsendPrepare(db->connection, query->name, query->sql, 0, NULL) ? await(db) : NULL;
    rows = judge(db, arena, query->name, result);
    if (rows.status == DB_DONE)
        db->prepared[query->index] = true;
    else if (rows.status == DB_LOST)
        rows.status = DB_AWAY; /* preparing changes nothing */
    return rows;
}

/* Did an idle connection end in the meantime? Nothing is owed to us, so what can be read is a notice, or the end and
 * its reason. To find that out before a statement is sent keeps it from being lost. */
static bool ended(PGconn *connection)
{
    struct pollfd ready = { .fd = PQsocket(connection), .events = POLLIN };
    while (poll(&ready, 1, 0) > 0)
        if (!PQconsumeInput(connection))
            return true;
    return PQstatus(connection) != CONNECTION_OK;
}

struct statement {
    const struct query *query;
    const struct params *params;
};

enum { TRIP_MAX = 1 + AHEAD_MAX };

/* What is sent to the database at once, and the answers. */
struct trip {
    struct statement statements[TRIP_MAX];
    struct rows rows[TRIP_MAX];
    int count;
    bool together; /* in one transaction: all only read, and where one is refused those behind it are not run */
};

static void trip_add(struct trip *trip, const struct query *query, const struct params *params)
{
    must(params->count == query->params && trip->count < TRIP_MAX);
    trip->statements[trip->count++] = (struct statement){ query, params };
}

static bool send_prepared(const struct db *db, const struct statement *statement)
{
    const struct params *params = statement->params;
    return PQsendQueryPrepared(db->connection, statement->query->name, params->count, params->values, params->lengths,
                               NULL, 0);
}

static struct rows run_alone(struct db *db, struct arena *arena, const struct statement *statement)
{
    bool sent = send_prepared(db, statement);
    struct rows rows = judge(db, arena, statement->query->name, sent ? await(db) : NULL);
    if (!sent && rows.status == DB_LOST)
        rows.status = DB_AWAY;
    return rows;
}

/* Each is a transaction of its own: where sending fails half way, waiting finds out. */
static void run_each(struct db *db, struct arena *arena, struct trip *trip, int count)
{
    bool sent = true;
    for (int i = 0; i < count && sent; i++)
        sent = send_prepared(db, &trip->statements[i]) && PQpipelineSync(db->connection);
    for (int i = 0; i < count && db->connection; i++)
        trip->rows[i] = judge(db, arena, trip->statements[i].query->name, await_sync(db));
}

static void read_all(struct db *db, struct arena *arena, struct trip *trip, int count)
{
    bool sent = true;
    int last = count - 1;
    for (int i = 0; i < count && sent; i++)
        sent = send_prepared(db, &trip->statements[i]);
    (void)(sent && PQpipelineSync(db->connection));
    for (int i = 0; i < count; i++) {
        trip->rows[i] = judge(db, arena, trip->statements[i].query->name, i == last ? await_sync(db) : await(db));
        if (trip->rows[i].status == DB_DONE)
            continue;
        if (db->connection && i != last)
            PQclear(await_sync(db));
        return;
    }
}

/* How many of them can be sent: those before the first that is refused. */
static int prepare_all(struct db *db, struct arena *arena, struct trip *trip)
{
    for (int i = 0; i < trip->count; i++) {
        struct rows rows = prepare(db, arena, trip->statements[i].query);
        if (rows.status == DB_DONE)
            continue;
        if (i == 0)
            trip->rows[0] = rows;
        return db->connection ? i : 0;
    }
    return trip->count;
}

static void attempt(struct db *db, struct arena *arena, struct trip *trip)
{
    for (int i = 0; i < trip->count; i++)
        trip->rows[i] = (struct rows){ .status = DB_AWAY };
    if (db->connection && (forgotten(db) || ended(db->connection)))
        disconnect(db);
    if (!db->connection && !connect_anew(db))
        return;
    int count = prepare_all(db, arena, trip);
    if (count == 1)
        trip->rows[0] = run_alone(db, arena, &trip->statements[0]);
    if (count < 2)
        return;
    must(PQenterPipelineMode(db->connection));
    (trip->together ? read_all : run_each)(db, arena, trip, count);
    if (db->connection && !PQexitPipelineMode(db->connection))
        disconnect(db);
}

static bool was_deadlock(const struct rows *rows)
{
    return rows->result && rows->status == DB_AWAY && verdict_deadlock(rows->result);
}

/* Did the connection break before something that may be run once more was answered? */
static bool cut_off(const struct trip *trip)
{
    enum db_status first = trip->rows[0].status;
    for (int i = 1; trip->together && i < trip->count; i++)
        if (trip->rows[i].status == DB_LOST)
            return true;
    return first == DB_AWAY || (first == DB_LOST && trip->statements[0].query->repeatable);
}

static void run(struct db *db, struct arena *arena, struct trip *trip)
{
    bool was_connected = db->connection != NULL;
    attempt(db, arena, trip);
    for (int tries = 1; was_deadlock(&trip->rows[0]) && tries < DEADLOCK_TRIES; tries++)
        attempt(db, arena, trip);
    /* A connection that was idle while Postgres restarted is found broken only now. */
    if (was_connected && !db->connection && cut_off(trip))
        attempt(db, arena, trip);
}

void db_foretell(struct db *db, const struct query *query, const struct params *params)
{
    must(query->reads && params->count == query->params);
    ahead_add(&db->ahead, query, params);
}

void db_forget(struct db *db)
{
    ahead_clear(&db->ahead);
}

/* What was foretold goes along with the first statement, or is dropped. */
static struct rows run_ahead(struct db *db, struct arena *arena, struct trip *trip)
{
    struct ahead *ahead = &db->ahead;
    if (ahead->answered || !trip->statements[0].query->reads)
        ahead_clear(ahead);
    for (int i = 0; i < ahead->count; i++)
        trip_add(trip, ahead->foretold[i].query, ahead->foretold[i].params);
    trip->together = true;
    run(db, arena, trip);
    ahead_answer(ahead, &trip->rows[1]);
    return trip->rows[0];
}

struct rows db_run(struct db *db, struct arena *arena, const struct query *query, const struct params *params)
{
    struct rows rows;
    struct trip trip = { .count = 0 };
    trip_add(&trip, query, params);
    return ahead_take(&db->ahead, query, params, &rows) ? rows : run_ahead(db, arena, &trip);
}

struct rows db_run_then(struct db *db, struct arena *arena, const struct query *query, const struct params *params,
                        const struct query *then, const struct params *then_params)
{
    struct trip trip = { .together = false };
    db_forget(db);
    trip_add(&trip, query, params);
    trip_add(&trip, then, then_params);
    run(db, arena, &trip);
    return trip.rows[0];
}

struct rows db_read_both(struct db *db, struct arena *arena, const struct query *query, const struct params *params,
                         const struct query *then, const struct params *then_params, struct rows *then_rows)
{
    struct rows rows;
    struct trip trip = { .together = true };
    must(query->reads && then->reads);
    if (ahead_take(&db->ahead, query, params, &rows) && ahead_take(&db->ahead, then, then_params, then_rows))
        return rows;
    db_forget(db);
    trip_add(&trip, query, params);
    trip_add(&trip, then, then_params);
    run(db, arena, &trip);
    *then_rows = trip.rows[1];
    return trip.rows[0];
}

struct rows db_script(struct db *db, struct arena *arena, const char *sql)
{
    struct rows rows = { .status = DB_AWAY };
    db_forget(db);
    if (!db->connection && !connect_anew(db))
        return rows;
    return judge(db, arena, "script", PQsendQuery(db->connection, sql) ? await(db) : NULL);
}

const char *db_epoch(struct db *db, struct arena *arena)
{
    if (db->connection && db->epoch[0])
        return db->epoch;
    struct rows rows = db_run(db, arena, &query_database_epoch, &(struct params){ .count = 0 });
    if (rows.status != DB_DONE || rows.count != 1)
        return NULL;
    struct text epoch = row_text(&rows, 0, 0);
    must(epoch.len == EPOCH_SIZE - 1);
    memcpy(db->epoch, epoch.at, EPOCH_SIZE);
    return db->epoch;
}
