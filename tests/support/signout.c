/* Sign-outs raced against everything else, and how soon they close a socket. Confab::SignOut runs it:
 *
 *     signout latency|race SESSIONS unix:/relay.sock,127.0.0.1:80 CONNINFO ORIGIN OPEN RATE [LEAST ACCEPTED LATE HEARD]
 *
 * SESSIONS is a file, a line each: id, CSRF token, cookie. All of them take part in a race, or at least LEAST and as
 * many more until so many pushes were accepted, so many were begun later and so many messages were heard: while the
 * relay has no database nothing is let in, and a race that fell into such a time alone would show nothing.
 *
 * 1. One thread does all, so what it does has an order: a number is counted up by everything that is begun (a push, a
 *    join, an INSERT), and by every answer of Postgres to a sign-out. What has a higher number than a session's
 *    sign-out was begun after that was answered.
 * 2. race: `open` sessions at a time come in, join, push, are away for a while (not reading), and sign out at a random
 *    moment, whatever they are at. Then they go on: a push ("late"), a join, and another socket with the same cookie.
 * None of these may be accepted. Messages carry the number of their beginning, and who has signed out may not be told
 * one with a higher number than its own. SQL puts messages in beside that. All must be closed in the end.
 * 3. latency: all are open; one after the other is signed out; from Postgres' answer to the end of its socket.
 *
 * Prints one line, NAME=NUMBER each. */
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "tests/support/load/wire.h"
#include "tests/support/signout_plan.h"

enum { CONNECTING_MAX = 64, WAIT_MS = 40000, PG = 2, OPCODE_TEXT = 1, OPCODE_CLOSE = 8, OPCODE_PING = 9 };

static struct plan plan;
static size_t begun_count, over_count, ready_count, shaking_count;
static int epoll;
static int64_t number;
static PGconn *db[PG + 1]; /* the last one puts messages in */
static struct session *leaving[PG], *out_first, **out_end = &out_first;
static bool inserting;
static long pushes, pushes_ok, late_pushes, joins_ok, late_joins, replays, replays_refused, heard, inserted, comebacks;
static long bad_pushes, bad_joins, bad_replays, bad_messages, bad_open;

static int64_t now(void)
{
    return clock_steady() / 1000;
}

static void violation(const struct session *session, const char *what, struct text said)
{
    fprintf(stderr, "session %s, signed out at %lld: %s: %.*s\n", session->id, (long long)session->out, what,
            (int)(said.len < 200 ? said.len : 200), said.at);
}

/* --- saying --- */

static void say(struct session *session, const char *ref, const char *topic, const char *event, const char *payload)
{
    char text[600];
    int len = snprintf(text, sizeof text, "[\"%s\",\"%s%lld\",\"%s\",\"%s\",%s]", topic[5] == 'l' ? "1" : "2",
                       session->out ? "late-" : ref, (long long)number, topic, event, payload);
    wire_frame(&session->wire, OPCODE_TEXT, (struct text){ text, (size_t)len });
}

static void join(struct session *session, const char *topic)
{
    number++;
    late_joins += session->out != 0;
    say(session, "join-", topic, "phx_join", "{}");
}

static void push(struct session *session)
{
    char payload[200];
    number++;
    pushes++;
    late_pushes += session->out != 0;
    snprintf(payload, sizeof payload, "{\"message\":\"%ss%lld of %s\"}", session->out ? "late " : "", (long long)number,
             session->id);
    say(session, "push-", "room:lobby", "new_message", payload);
}

static void shake(struct session *session, struct wire *wire)
{
    char request[PLAN_LINE + 1024];
    int len = snprintf(request, sizeof request,
                       "GET /live/websocket?vsn=2.0.0&_csrf_token=%s HTTP/1.1\r\nHost: localhost\r\nOrigin: %s\r\n"
                       "Cookie: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: c2lnbmluZyBvdXQgbm93IQ==\r\n\r\n",
                       session->csrf, plan.origin, session->cookie);
    must(len > 0 && (size_t)len < sizeof request);
    wire->epoll = epoll;
    wire->owner = session;
    wire->fd = wire->fd ? wire->fd : -1;
    if (wire_open(wire, plan.where[random() % plan.wheres], false))
        wire_send(wire, request, (size_t)len);
}

/* --- hearing --- */

static void closed(struct session *session)
{
    wire_close(&session->wire);
    ready_count -= session->state == READY;
    shaking_count -= session->state == SHAKING || session->state == JOINING;
    session->state = CLOSED;
    session->wake = now() + 50 + random() % 100;
}

static void come(struct session *session)
{
    shaking_count++;
    session->state = SHAKING;
    shake(session, &session->wire);
    if (session->wire.fd < 0) /* refused at once, as by a full queue of connections */
        closed(session);
}

static bool has(struct text text, const char *what)
{
    return text.len && memmem(text.at, text.len, what, strlen(what)) != NULL;
}

/* Every message that it is told. */
static void look_at_messages(struct session *session, struct text text)
{
    static const char mark[] = "\"message\":\"s";
    const char *at = text.at, *end = text.at + text.len;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1))) {
        at += sizeof mark - 1;
        heard++;
        if (session->out && strtoll(at, NULL, 10) > session->out) {
            bad_messages++;
            violation(session, "heard what was sent later", (struct text){ at, (size_t)(end - at) });
        }
    }
}

static void text_came(struct session *session, struct text text)
{
    struct text head = { text.at, text.len < 120 ? text.len : 120 };
    bool good = has(head, "\"status\":\"ok\""), late = has(head, "\"late-");
    look_at_messages(session, text);
    if (!has(head, "phx_reply") || !good)
        return;
    if (late) {
        *(has(text, "\"messages\":") ? &bad_joins : &bad_pushes) += 1;
        violation(session, "was accepted", text);
    } else if (has(head, "\"join-")) {
        joins_ok++;
        if (session->state == JOINING) {
            shaking_count--;
            session->state = READY;
            ready_count++;
        }
    } else {
        pushes_ok++;
    }
}

static void shaken(struct session *session)
{
    struct text in = wire_arrived(&session->wire);
    const char *end = in.len ? memmem(in.at, in.len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return;
    if (!has(in, "HTTP/1.1 101")) {
        closed(session);
        return;
    }
    wire_take(&session->wire, (size_t)(end + 4 - in.at));
    session->state = JOINING;
    join(session, "room:lobby");
}

static void hear(struct session *session)
{
    int opcode;
    struct text payload;
    if (session->state == SHAKING)
        shaken(session);
    while (session->state >= JOINING && session->wire.fd >= 0 && wire_next(&session->wire, &opcode, &payload)) {
        if (opcode == OPCODE_TEXT)
            text_came(session, payload);
        else if (opcode == OPCODE_PING)
            wire_frame(&session->wire, 10, TEXT(""));
        else if (opcode == OPCODE_CLOSE)
            closed(session);
    }
}

/* The replay: any answer but 101 is good, also none. */
static void replay_came(struct session *session, bool alive)
{
    struct text in = wire_arrived(&session->again);
    if (in.len < 12 && alive)
        return;
    if (has(in, "HTTP/1.1 101")) {
        bad_replays++;
        violation(session, "was let in", in);
    }
    replays_refused += has(in, "HTTP/1.1 403");
    wire_close(&session->again);
}

static void turn(struct session *session, uint32_t events)
{
    /* epoll tells the session; which of its two sockets it was is found by looking at both */
    bool alive = session->wire.fd < 0 || wire_turn(&session->wire, events);
    hear(session);
    if (!alive && session->wire.fd >= 0)
        closed(session);
    if (session->again.fd > 0)
        replay_came(session, wire_turn(&session->again, events));
}

/* --- Postgres --- */

static void answer_came(int i)
{
    must(PQconsumeInput(db[i]) == 1);
    while (!PQisBusy(db[i])) {
        PGresult *result = PQgetResult(db[i]);
        if (!result)
            break;
        must(PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK);
        if (i == PG) {
            inserting = false;
            inserted++;
        } else if (leaving[i]) {
            leaving[i]->out = ++number;
            leaving[i]->leave = now();
            leaving[i] = NULL;
        }
        PQclear(result);
    }
}

static void ask(int i, const char *sql, const char *value)
{
    must(PQsendQueryParams(db[i], sql, 1, NULL, &value, NULL, NULL, 0) == 1);
    while (PQflush(db[i]) == 1)
        ;
}

static const char end_it[] =
    "update tokens set ended_as = 'signed_out', expires_at = now() where id = $1::bigint and ended_as is null";

static void send_out(void)
{
    for (int i = 0; i < PG && out_first; i++) {
        if (leaving[i] || PQisBusy(db[i]))
            continue;
        leaving[i] = out_first;
        if (!(out_first = out_first->next_out))
            out_end = &out_first;
        ask(i, end_it, leaving[i]->id);
    }
}

static void insert(void)
{
    char text[40];
    if (inserting || PQisBusy(db[PG]))
        return;
    snprintf(text, sizeof text, "s%lld by SQL", (long long)++number);
    inserting = true;
    ask(PG,
        "with m as (insert into messages (room_id, name, message) select id, 'Op', $1::text from rooms where slug = "
        "'lobby' "
        "returning room_id) select pg_notify('confab_room', room_id::text) from m",
        text);
}

/* --- the race --- */

static void sign_out(struct session *session)
{
    session->asked = true;
    *out_end = session;
    out_end = &session->next_out;
}

/* What somebody does who has been signed out. */
static void try_all(struct session *session)
{
    session->replayed = true;
    if (session->wire.fd >= 0 && session->state >= JOINING) {
        push(session);
        join(session, "room:two");
        push(session);
    }
    replays++;
    shake(session, &session->again);
}

static void act(struct session *session, int64_t at)
{
    if (session->state == IDLE || (session->state == CLOSED && !session->out && at >= session->wake)) {
        comebacks += session->state == CLOSED;
        come(session);
    }
    if (!session->asked && at >= session->leave)
        sign_out(session);
    if (session->out && !session->replayed)
        try_all(session);
    if (session->out && session->wire.fd >= 0 && session->wire.deaf)
        wire_listen(&session->wire, true);
    bool done = session->state == CLOSED && session->again.fd < 0;
    if (session->out && (done || at - session->leave > WAIT_MS)) {
        session->over = true;
        over_count++;
        bad_open += !done;
    }
    if (session->state == READY && at >= session->wake) {
        session->wake = at + 1 + random() % (2000 * plan.open / plan.rate);
        push(session);
        if (random() % 8 == 0)
            join(session, "room:two");
        if (random() % 16 == 0)
            wire_listen(&session->wire, session->wire.deaf);
    }
}

static void hear_all(int ms)
{
    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, 256, ms);
    for (int i = 0; i < count; i++) {
        bool ours = false;
        for (int at = 0; at <= PG; at++)
            if (events[i].data.ptr == &db[at]) {
                answer_came(at);
                ours = true;
            }
        if (!ours)
            turn(events[i].data.ptr, events[i].events);
    }
}

/* Whether one more session takes part. */
static bool goes_on(void)
{
    bool seen = pushes_ok >= plan.accepted && late_pushes >= plan.late && heard >= plan.heard;
    return begun_count < plan.session_count && (begun_count < plan.least || !seen);
}

static void race(void)
{
    struct session **here = calloc((size_t)plan.open, sizeof *here);
    int64_t next_insert = now(), start = now();
    must(here != NULL);
    while (over_count < begun_count || goes_on()) {
        int64_t at = now();
        for (long i = 0; i < plan.open; i++) {
            if ((!here[i] || here[i]->over) && goes_on()) {
                here[i] = &plan.sessions[begun_count++];
                here[i]->leave = at + random() % (random() % 3 ? 600 : 8); /* some while they are let in */
            }
            if (here[i] && !here[i]->over)
                act(here[i], at);
        }
        if (at >= next_insert) {
            next_insert = at + 20;
            insert();
        }
        send_out();
        hear_all(2);
    }
    printf("seconds=%.1f ", (double)(now() - start) / 1000);
    free(here);
}

/* --- the latency --- */

static int by_value(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static void open_all(void)
{
    int64_t start = now();
    while (ready_count < plan.session_count) {
        while (begun_count < plan.session_count && shaking_count < CONNECTING_MAX)
            come(&plan.sessions[begun_count++]);
        hear_all(20);
        must(now() - start < 120000);
    }
}

static void latency(void)
{
    int64_t *times = calloc(plan.session_count, sizeof *times);
    must(times != NULL);
    open_all();
    for (int i = 0; i < 50; i++)
        hear_all(20);
    for (size_t i = 0; i < plan.session_count; i++) {
        const char *value = plan.sessions[i].id;
        PGresult *result = PQexecParams(db[0], end_it, 1, NULL, &value, NULL, NULL, 0);
        int64_t from = clock_steady();
        must(strcmp(PQcmdTuples(result), "1") == 0);
        PQclear(result);
        while (plan.sessions[i].state != CLOSED && clock_steady() - from < 10000000)
            hear_all(20);
        bad_open += plan.sessions[i].state != CLOSED;
        bad_open += ready_count != plan.session_count - i - 1; /* nobody else */
        times[i] = clock_steady() - from;
        for (int64_t until = now() + 3; now() < until;)
            hear_all(1);
    }
    qsort(times, plan.session_count, sizeof *times, by_value);
    printf("sockets=%zu p50=%.2f p99=%.2f max=%.2f ", plan.session_count, (double)times[plan.session_count / 2] / 1000,
           (double)times[plan.session_count * 99 / 100] / 1000, (double)times[plan.session_count - 1] / 1000);
    free(times);
}

/* --- the beginning --- */

static void connect_db(const char *conninfo)
{
    for (int i = 0; i <= PG; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &db[i] };
        db[i] = PQconnectdb(conninfo);
        must(PQstatus(db[i]) == CONNECTION_OK);
        must(!plan.race || epoll_ctl(epoll, EPOLL_CTL_ADD, PQsocket(db[i]), &event) == 0);
    }
}

int main(int argc, char **argv)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    srandom((unsigned)time(NULL));
    number = (int64_t)time(NULL) * 1000000; /* above what an earlier run left in the room */
    plan_read(&plan, argc, argv);
    connect_db(plan.conninfo);
    if (plan.race)
        race();
    else
        latency();
    printf("sessions=%zu pushes=%ld accepted=%ld late_pushes=%ld joins=%ld late_joins=%ld replays=%ld refused=%ld "
           "heard=%ld "
           "inserted=%ld comebacks=%ld bad_pushes=%ld bad_joins=%ld bad_replays=%ld bad_messages=%ld bad_open=%ld\n",
           over_count, pushes, pushes_ok, late_pushes, joins_ok, late_joins, replays, replays_refused, heard, inserted,
           comebacks, bad_pushes, bad_joins, bad_replays, bad_messages, bad_open);
    fflush(stdout);
    _exit(bad_pushes + bad_joins + bad_replays + bad_messages + bad_open != 0);
}
