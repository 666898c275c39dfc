#include "db/listener.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/must.h"

/* Every channel there is: names are ours, never a client's. */
static const char listen_to_all[] =
    "listen confab_room; listen confab_session; listen confab_mailbox; listen confab_presence; "
    "listen confab_typing";
/* The empty query costs Postgres next to nothing. */
static const char sign_of_life[] = "";

struct listener {
    PGconn *connection;
    PGnotify *heard; /* the one that was handed out last */
    enum { DIALLING, ASKING, HEARING, BROKEN_OFF } at;
    PostgresPollingStatusType polling;
    bool pinging;
};

static void ignore_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

/* Keepalives find out a silent partner after some 11 seconds, for whoever does not ping. */
struct listener *listener_new(const char *url, const char *program)
{
    const char *const keys[] = { "fallback_application_name", "keepalives_idle",
                                 "keepalives_interval",       "keepalives_count",
                                 "tcp_user_timeout",          "dbname",
                                 "client_encoding",           NULL };
    const char *const values[] = { program, "5", "2", "3", "5000", url, "UTF8", NULL };
    struct listener *listener = calloc(1, sizeof *listener);
    must(listener != NULL);
    listener->connection = PQconnectStartParams(keys, values, 1);
    must(listener->connection != NULL);
    PQsetNoticeReceiver(listener->connection, ignore_notice, NULL);
    listener->polling = PGRES_POLLING_WRITING; /* as libpq's manual asks, before the first poll */
    return listener;
}

static void drop_heard(struct listener *listener)
{
    PQfreemem(listener->heard);
    listener->heard = NULL;
}

void listener_free(struct listener **listener)
{
    if (!*listener)
        return;
    drop_heard(*listener);
    PQfinish((*listener)->connection);
    free(*listener);
    *listener = NULL;
}

struct listener_wants listener_wants(const struct listener *listener)
{
    struct listener_wants wants = { .fd = PQsocket(listener->connection), .readable = true };
    if (listener->at == BROKEN_OFF)
        wants.fd = -1;
    if (listener->at == DIALLING) {
        wants.readable = listener->polling == PGRES_POLLING_READING;
        wants.writable = !wants.readable;
    } else if (listener->at == ASKING || listener->pinging) {
        wants.writable = PQflush(listener->connection) > 0;
    }
    return wants;
}

static enum listener_state broken(struct listener *listener)
{
    struct text reason = text_of(PQerrorMessage(listener->connection));
    while (reason.len && reason.at[reason.len - 1] == '\n')
        reason.len--;
    if (listener->at != BROKEN_OFF)
        log_event(LOG_ERROR, "listener broken", LOG_T("reason", reason));
    listener->at = BROKEN_OFF;
    return LISTENER_BROKEN;
}

static enum listener_state dial(struct listener *listener)
{
    listener->polling = PQconnectPoll(listener->connection);
    if (listener->polling == PGRES_POLLING_FAILED)
        return broken(listener);
    if (listener->polling != PGRES_POLLING_OK)
        return LISTENER_CONNECTING;
    if (PQsetnonblocking(listener->connection, 1) != 0 || !PQsendQuery(listener->connection, listen_to_all))
        return broken(listener);
    listener->at = ASKING;
    return LISTENER_CONNECTING;
}

/* The answer to LISTEN, which was a transaction of its own: when it is here, it is committed. */
static enum listener_state ask(struct listener *listener)
{
    if (PQflush(listener->connection) < 0 || !PQconsumeInput(listener->connection))
        return broken(listener);
    while (!PQisBusy(listener->connection)) {
        PGresult *result = PQgetResult(listener->connection);
        if (!result) {
            listener->at = HEARING;
            return LISTENER_LISTENING;
        }
        bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
        if (!good)
            return broken(listener);
    }
    return LISTENER_CONNECTING;
}

/* The answer to a ping, when it is whole. */
static bool answered(struct listener *listener)
{
    while (listener->pinging && !PQisBusy(listener->connection)) {
        PGresult *result = PQgetResult(listener->connection);
        bool good = !result || PQresultStatus(result) == PGRES_EMPTY_QUERY;
        listener->pinging = result != NULL;
        PQclear(result);
        if (!good)
            return false;
    }
    return true;
}

enum listener_state listener_step(struct listener *listener)
{
    if (listener->at == BROKEN_OFF || PQstatus(listener->connection) == CONNECTION_BAD)
        return broken(listener);
    if (listener->at == DIALLING)
        return dial(listener);
    if (listener->at == ASKING)
        return ask(listener);
    if ((listener->pinging && PQflush(listener->connection) < 0) || !PQconsumeInput(listener->connection) ||
        !answered(listener))
        return broken(listener);
    return LISTENER_LISTENING;
}

/* That it could not be sent shows in the next step. */
void listener_ping(struct listener *listener)
{
    if (listener->at == HEARING && !listener->pinging)
        listener->pinging = PQsendQuery(listener->connection, sign_of_life) == 1;
}

bool listener_pinging(const struct listener *listener)
{
    return listener->pinging;
}

bool listener_next(struct listener *listener, struct heard *out)
{
    drop_heard(listener);
    listener->heard = PQnotifies(listener->connection);
    if (!listener->heard)
        return false;
    *out = (struct heard){ .channel = text_of(listener->heard->relname),
                           .payload = text_of(listener->heard->extra),
                           .from = listener->heard->be_pid };
    return true;
}
