/* So many writers at once, each waiting for its answer before it goes on; how many a second, and how long each took.
 *
 *     writers way=form at=127.0.0.1:8080 rooms=1:lobby count=8 seconds=3 pids=handlers:12,postgres:34
 *
 *     way=insert    INSERT of a row that has its numbers already, autocommit: the least that a stored message can cost
 *
 *     way=bell      the statement that the handlers use (message_insert), and once it is confirmed the relay's bell at
 *                   bell=unix:/path, or NOTIFY where that is not taken, as room_change does it
 *
 *     way=ring      the same statement, and behind it in the same trip the doorbell in a transaction of its own, as
 *                   room_change does it where there is no bell
 *
 *     way=inside    the same with pg_notify inside, all in one statement
 *
 *     way=form      the room's form, kept alive; at= is an address, or the path of nginx' socket
 *
 *     way=socket    new_message to the relay, depth= of them under way for each writer
 *
 *     way=get       the room's page, with a guest's cookie; path= and cookie= for somebody else's page
 *
 * Each SQL writer goes through all rooms in turn; each of the others stays in one. Prints one line of JSON. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chat/bell.h"
#include "queries.h"
#include "tests/bench/measure.h"
#include "tests/bench/socket.h"

enum { ROOMS_MAX = 1024, WRITERS_MAX = 512, ANSWER_MAX = 256 * 1024, DEPTH_MAX = 64 };

struct writer {
    pthread_t thread;
    int number;
    int64_t serial; /* of what it writes */
    int64_t done, failed;
    struct times times;
    PGconn *connection;
    struct bell *bell;
    int64_t deaf; /* so many rings were not taken */
    int fd;
    char *answer; /* what came and is not consumed */
    size_t answer_len;
    char cookie[1024], csrf[256];
    int64_t begun[DEPTH_MAX];
};

static struct {
    const char *way, *at, *bell, *path, *cookie;
    int64_t count, seconds, depth;
    char ids[ROOMS_MAX][24], slugs[ROOMS_MAX][64];
    int64_t rooms;
    int64_t run; /* no two runs write the same client_id */
} plan;

static const char message[] = "the quick brown fox jumps over the lazy dog and then it does so once more, for "
                              "this is what people write to each other.";

static atomic_int ready_count;
static atomic_bool go, stop;

/* --- SQL --- */

static const char insert_sql[] = "insert into messages (room_id, seq, rev, guest, name, message, client_id)"
                                 " values ($1, $2, $2, 'AAAAAAAAAAAAAAAA', 'Bench', $3, $4)";
static const char inside_sql[] =
    "with r as (update rooms set rev = rev + 1 where id = $1 returning id, rev), m as (insert into messages (room_id,"
    " seq, rev, guest, name, message, client_id) select r.id, r.rev, r.rev, 'AAAAAAAAAAAAAAAA', 'Bench', $2, $3 from r"
    " returning room_id) select pg_notify('confab_room', room_id::text) from m";

static void prepare(struct writer *writer, const char *name, const char *sql)
{
    PGresult *result = PQprepare(writer->connection, name, sql, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        die("%s: %s", name, PQerrorMessage(writer->connection));
    PQclear(result);
}

static bool succeeded(struct writer *writer, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && writer->failed == 0)
        fprintf(stderr, "writers: %s\n", PQerrorMessage(writer->connection));
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void open_sql(struct writer *writer)
{
    writer->connection = PQconnectdb(plan.at);
    if (PQstatus(writer->connection) != CONNECTION_OK)
        die("%s", PQerrorMessage(writer->connection));
    if (!succeeded(writer, PQexec(writer->connection, query_database_settings.sql))) /* as db.c does */
        die("no settings");
    prepare(writer, "insert", insert_sql);
    prepare(writer, "inside", inside_sql);
    prepare(writer, "message", query_message_insert.sql);
    prepare(writer, "ring", query_room_ring.sql);
    if (strcmp(plan.way, "ring") == 0 && !PQenterPipelineMode(writer->connection))
        die("no pipeline");
    writer->bell = bell_new(plan.bell);
    if (strcmp(plan.way, "bell") == 0 && !bell_there(writer->bell))
        die("nobody hears bell=%s", plan.bell);
}

static bool execute(struct writer *writer, const char *name, int count, const char *const *values)
{
    return succeeded(writer, PQexecPrepared(writer->connection, name, count, values, NULL, NULL, 0));
}

static void send_piped(const struct writer *writer, const char *name, int count, const char *const *values)
{
    if (!PQsendQueryPrepared(writer->connection, name, count, values, NULL, NULL, 0) ||
        !PQpipelineSync(writer->connection))
        die("%s", PQerrorMessage(writer->connection));
}

/* A statement's result, the nothing behind it, and the point of synchronisation at which it has been committed. */
static bool await_piped(struct writer *writer)
{
    bool good = succeeded(writer, PQgetResult(writer->connection));
    PQclear(PQgetResult(writer->connection));
    PGresult *sync = PQgetResult(writer->connection);
    if (PQresultStatus(sync) != PGRES_PIPELINE_SYNC)
        die("out of step");
    PQclear(sync);
    return good;
}

static bool write_and_ring(struct writer *writer, const char *room, const char *client_id)
{
    send_piped(writer, "message", 6, (const char *[]){ NULL, room, "AAAAAAAAAAAAAAAA", "Bench", message, client_id });
    send_piped(writer, "ring", 2, (const char *[]){ NULL, room });
    bool written = await_piped(writer);
    return await_piped(writer) && written;
}

static bool write_and_tell(struct writer *writer, const char *room, const char *client_id)
{
    if (!execute(writer, "message", 6, (const char *[]){ NULL, room, "AAAAAAAAAAAAAAAA", "Bench", message, client_id }))
        return false;
    if (bell_ring(writer->bell, strtoll(room, NULL, 10)))
        return true;
    writer->deaf++;
    return execute(writer, "ring", 2, (const char *[]){ NULL, room });
}

static bool write_sql(struct writer *writer)
{
    char client_id[64], seq[32];
    const char *room = plan.ids[(writer->number * 131 + writer->serial) % plan.rooms];
    snprintf(client_id, sizeof client_id, "%llx-%d-%lld", (long long)plan.run, writer->number,
             (long long)writer->serial);
    snprintf(seq, sizeof seq, "%lld",
             (long long)((plan.run % 1000000 * 1000 + writer->number + 1) * 1000000000 + writer->serial));
    if (strcmp(plan.way, "insert") == 0)
        return execute(writer, "insert", 4, (const char *[]){ room, seq, message, client_id });
    if (strcmp(plan.way, "inside") == 0)
        return execute(writer, "inside", 3, (const char *[]){ room, message, client_id });
    if (strcmp(plan.way, "bell") == 0)
        return write_and_tell(writer, room, client_id);
    return write_and_ring(writer, room, client_id);
}

/* --- HTTP --- */

static bool more(struct writer *writer)
{
    ssize_t got = recv(writer->fd, writer->answer + writer->answer_len, ANSWER_MAX - writer->answer_len - 1, 0);
    if (got <= 0)
        return false;
    writer->answer_len += (size_t)got;
    writer->answer[writer->answer_len] = '\0';
    return true;
}

static void consume(struct writer *writer, size_t len)
{
    memmove(writer->answer, writer->answer + len, writer->answer_len - len + 1);
    writer->answer_len -= len;
}

/* The whole answer's length once it is there: by Content-Length, or up to the last chunk. */
static size_t whole(const struct writer *writer)
{
    const char *end = strstr(writer->answer, "\r\n\r\n"), *length = strcasestr(writer->answer, "\r\nContent-Length:");
    if (!end)
        return 0;
    size_t head = (size_t)(end - writer->answer) + 4;
    if (length && length < end) {
        size_t all = head + strtoul(length + 17, NULL, 10);
        return writer->answer_len >= all ? all : 0;
    }
    const char *last = strstr(end, "\r\n0\r\n\r\n");
    return last ? (size_t)(last - writer->answer) + 7 : 0;
}

/* The status; the answer stays in writer->answer until it is consumed. */
static int exchange(struct writer *writer, const char *request, size_t len, size_t *all)
{
    if (writer->fd < 0)
        writer->fd = socket_connect(plan.at, 0, true);
    socket_write(writer->fd, request, len);
    while (!(*all = whole(writer))) {
        if (!more(writer)) { /* closed: the next one gets a new connection */
            close(writer->fd);
            writer->fd = -1;
            writer->answer_len = 0;
            writer->answer[0] = '\0';
            return 0;
        }
    }
    return (int)strtol(writer->answer + 9, NULL, 10);
}

static void copy_until(char *out, size_t size, const char *from, const char *mark, char end)
{
    const char *at = from ? strcasestr(from, mark) : NULL;
    const char *stop_at = at ? strchr(at + strlen(mark), end) : NULL;
    if (!stop_at || (size_t)(stop_at - at) >= size)
        return;
    at += strlen(mark);
    memcpy(out, at, (size_t)(stop_at - at));
    out[stop_at - at] = '\0';
}

static int get(struct writer *writer, size_t *all)
{
    char request[2048];
    const char *slug = plan.slugs[writer->number % plan.rooms];
    int len = snprintf(request, sizeof request, "GET %s%s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n",
                       *plan.path ? plan.path : "/rooms/", *plan.path ? "" : slug, plan.at,
                       *writer->cookie ? "Cookie: " : "", writer->cookie, *writer->cookie ? "\r\n" : "");
    return exchange(writer, request, (size_t)len, all);
}

static void open_http(struct writer *writer)
{
    size_t all;
    writer->fd = -1;
    writer->answer = zeroed(ANSWER_MAX, 1);
    snprintf(writer->cookie, sizeof writer->cookie, "%s", plan.cookie);
    if (get(writer, &all) != 200)
        die("the page answers %.60s", writer->answer);
    if (!*writer->cookie)
        copy_until(writer->cookie, sizeof writer->cookie, writer->answer, "Set-Cookie: ", ';');
    copy_until(writer->csrf, sizeof writer->csrf, writer->answer, "name=\"_csrf\" value=\"", '"');
    consume(writer, all);
}

static bool write_form(struct writer *writer)
{
    char request[4096], body[1024];
    const char *slug = plan.slugs[writer->number % plan.rooms];
    size_t all;
    int len = snprintf(body, sizeof body, "_csrf=%s&name=Bench&client_id=%llx-%d-%lld&message=%s", writer->csrf,
                       (long long)plan.run, writer->number, (long long)writer->serial, message);
    for (int i = 0; i < len; i++)
        if (body[i] == ' ')
            body[i] = '+';
    len = snprintf(request, sizeof request,
                   "POST /rooms/%s/messages HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nCookie: %s\r\n"
                   "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
                   slug, plan.at, plan.at, writer->cookie, len, body);
    int status = exchange(writer, request, (size_t)len, &all);
    if (status != 303 && writer->failed == 0)
        fprintf(stderr, "writers: %.200s\n", writer->answer);
    if (status) {
        copy_until(writer->cookie, sizeof writer->cookie, writer->answer, "Set-Cookie: ", ';'); /* with the name */
        consume(writer, all);
    }
    return status == 303;
}

static bool read_page(struct writer *writer)
{
    size_t all;
    int status = get(writer, &all);
    if (status)
        consume(writer, all);
    return status == 200;
}

/* --- sockets --- */

/* Read frames until this text has come; the text after it, or the end of the program. Messages of others pass by. */
static char *await(struct writer *writer, const char *wanted)
{
    static _Thread_local char text[ANSWER_MAX];
    for (;;) {
        int opcode;
        const char *payload;
        size_t len, size = socket_frame_read(writer->answer, writer->answer_len, &opcode, &payload, &len);
        if (!size) {
            if (!more(writer))
                die("the relay closed a connection");
            continue;
        }
        if (opcode == 9)
            socket_frame(writer->fd, 10, payload, len);
        memcpy(text, payload, len);
        text[len] = '\0';
        consume(writer, size);
        if (opcode == 8)
            die("the relay closed a connection: %s", len > 2 ? text + 2 : "");
        if (opcode == 1 && strstr(text, wanted))
            return text;
    }
}

static void open_socket(struct writer *writer)
{
    char text[1024], host[64] = "";
    writer->answer = zeroed(ANSWER_MAX, 1);
    sscanf(plan.at, "%63[^/]", host);
    writer->fd = socket_connect(host, 1 + writer->number % 200, true);
    int len = socket_request(text, sizeof text, host, "/live/websocket?vsn=2.0.0");
    socket_write(writer->fd, text, (size_t)len);
    while (!strstr(writer->answer, "\r\n\r\n"))
        if (!more(writer))
            die("no handshake");
    consume(writer, (size_t)(strstr(writer->answer, "\r\n\r\n") - writer->answer) + 4);
    len = snprintf(text, sizeof text, "[\"1\",\"1\",\"room:%s\",\"phx_join\",{}]",
                   plan.slugs[writer->number % plan.rooms]);
    socket_frame(writer->fd, 1, text, (size_t)len);
    await(writer, "\"phx_reply\"");
}

static void send_one(struct writer *writer, int64_t slot)
{
    char text[1024];
    int len = snprintf(text, sizeof text,
                       "[\"1\",\"s%lld\",\"room:%s\",\"new_message\",{\"name\":\"Bench\",\"message\":\"%s\","
                       "\"client_id\":\"%llx-%d-%lld\"}]",
                       (long long)slot, plan.slugs[writer->number % plan.rooms], message, (long long)plan.run,
                       writer->number, (long long)writer->serial++);
    writer->begun[slot] = now_ns();
    socket_frame(writer->fd, 1, text, (size_t)len);
}

static void run_socket(struct writer *writer)
{
    for (int64_t slot = 0; slot < plan.depth; slot++)
        send_one(writer, slot);
    for (int64_t under_way = plan.depth; under_way;) {
        const char *reply = await(writer, "\"phx_reply\"");
        int64_t slot = strtoll(strstr(reply, "\"s") + 2, NULL, 10);
        bool ok = strstr(reply, "\"status\":\"ok\"") != NULL;
        if (!ok && writer->failed == 0)
            fprintf(stderr, "writers: %.200s\n", reply);
        writer->done += ok;
        writer->failed += !ok;
        times_add(&writer->times, now_ns() - writer->begun[slot]);
        if (atomic_load(&stop))
            under_way--;
        else
            send_one(writer, slot);
    }
}

/* --- all --- */

static void run_each(struct writer *writer, bool (*one)(struct writer *))
{
    while (!atomic_load(&stop)) {
        int64_t begun = now_ns();
        bool ok = one(writer);
        writer->serial++;
        writer->done += ok;
        writer->failed += !ok;
        times_add(&writer->times, now_ns() - begun);
    }
}

static void *run(void *arg)
{
    struct writer *writer = arg;
    bool form = strcmp(plan.way, "form") == 0, page = strcmp(plan.way, "get") == 0;
    bool sockets = strcmp(plan.way, "socket") == 0;
    if (form || page)
        open_http(writer);
    else if (sockets)
        open_socket(writer);
    else
        open_sql(writer);
    atomic_fetch_add(&ready_count, 1);
    while (!atomic_load(&go))
        usleep(1000);
    if (sockets)
        run_socket(writer);
    else
        run_each(writer, form ? write_form : page ? read_page : write_sql);
    return NULL;
}

static void read_rooms(const char *list)
{
    while (*list) {
        int len = 0;
        if (plan.rooms == ROOMS_MAX ||
            sscanf(list, "%23[0-9]:%63[a-z0-9-]%n", plan.ids[plan.rooms], plan.slugs[plan.rooms], &len) != 2)
            die("rooms=%s: expected id:slug,id:slug", list);
        plan.rooms++;
        list += len;
        list += *list == ',';
    }
}

static void print(struct writer *writers, const struct groups *before, const struct groups *after, double seconds)
{
    struct times all = { 0 };
    int64_t done = 0, failed = 0, deaf = 0;
    for (int64_t i = 0; i < plan.count; i++) {
        done += writers[i].done;
        failed += writers[i].failed;
        deaf += writers[i].deaf;
        for (size_t k = 0; k < writers[i].times.count; k++)
            times_add(&all, writers[i].times.items[k]);
    }
    printf("{\"done\": %lld, \"failed\": %lld, \"deaf\": %lld, \"seconds\": %.4f, \"rate\": %.1f, \"p50\": %.3f, "
           "\"p99\": %.3f, "
           "\"used\": {",
           (long long)done, (long long)failed, (long long)deaf, seconds, (double)done / seconds,
           times_percentile(&all, 0.5), times_percentile(&all, 0.99));
    for (size_t i = 0; i < after->count; i++)
        printf("%s\"%s\": {\"cpu\": %.6f, \"pss\": %lld}", i ? ", " : "", after->items[i].name,
               after->items[i].cpu - before->items[i].cpu, (long long)after->items[i].pss);
    printf("}}\n");
}

int main(int argc, char **argv)
{
    static struct writer writers[WRITERS_MAX];
    struct groups groups = { 0 };
    arguments(argc, argv);
    plan.way = argument("way", "form");
    plan.at = argument("at", "");
    plan.bell = argument("bell", "");
    plan.path = argument("path", "");
    plan.cookie = argument("cookie", "");
    plan.count = argument_number("count", 8);
    plan.seconds = argument_number("seconds", 3);
    plan.depth = argument_number("depth", 1);
    plan.run = now_ns() / 1000;
    read_rooms(argument("rooms", "1:lobby"));
    groups_parse(&groups, argument("pids", ""));
    arguments_done();
    if (plan.count > WRITERS_MAX || plan.depth > DEPTH_MAX || plan.depth < 1)
        die("too many");
    for (int i = 0; i < plan.count; i++) {
        writers[i].number = i;
        if (pthread_create(&writers[i].thread, NULL, run, &writers[i]) != 0)
            die("no thread");
    }
    while (atomic_load(&ready_count) < plan.count)
        usleep(1000);
    groups_cpu(&groups);
    struct groups before = groups;
    int64_t begun = now_ns();
    atomic_store(&go, true);
    sleep_until(begun + plan.seconds * 1000000000);
    atomic_store(&stop, true);
    for (int64_t i = 0; i < plan.count; i++)
        pthread_join(writers[i].thread, NULL);
    double seconds = (double)(now_ns() - begun) / 1e9;
    groups_cpu(&groups);
    groups_memory(&groups);
    print(writers, &before, &groups, seconds);
    return 0;
}
