#include "tests/bench/feed.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "chat/bell.h"
#include "tests/bench/measure.h"
#include "tests/bench/socket.h"

enum { ANSWER_MAX = 64 * 1024 };

struct feed {
    enum { FEED_PG, FEED_WS, FEED_HTTP } kind;
    int64_t size;
    char *text; /* of one message, its number is put in */
    char room[24];
    PGconn *connection;
    struct bell *bell; /* or NULL */
    int fd;
    const char *around; /* ws: with %m */
    char path[256], host[64];
};

/* --- the text --- */

static void number(struct feed *feed, int64_t n)
{
    char digits[24];
    snprintf(digits, sizeof digits, "bench:%010lld", (long long)n);
    memcpy(feed->text, digits, 16);
}

/* Words, as people write them, not one long one. */
static void make_text(struct feed *feed)
{
    static const char words[] = " the quick brown fox jumps over the lazy dog and";
    feed->text = zeroed((size_t)feed->size + 1, 1);
    for (int64_t i = 16; i < feed->size; i++)
        feed->text[i] = words[(i - 16) % (int64_t)(sizeof words - 1)];
    if (feed->size > 16 && feed->text[feed->size - 1] == ' ')
        feed->text[feed->size - 1] = '.';
    number(feed, 0);
}

/* --- rows --- */

static const char statement[] =
    "with r as (update rooms set rev = rev + array_length($2::text[], 1) where id = $1::bigint returning id, rev)"
    " insert into messages (room_id, seq, rev, guest, name, message)"
    " select r.id, r.rev - array_length($2::text[], 1) + t.i, r.rev - array_length($2::text[], 1) + t.i,"
    " 'AAAAAAAAAAAAAAAA', 'Bench', t.text from r, unnest($2::text[]) with ordinality as t (text, i) order by t.i";

static void must_pg(struct feed *feed, PGresult *result, ExecStatusType wanted)
{
    if (PQresultStatus(result) != wanted)
        die("feed: %s", PQerrorMessage(feed->connection));
    PQclear(result);
}

static void open_pg(struct feed *feed, const char *rest)
{
    const char *colon = strchr(rest, ':');
    if (!colon || colon - rest >= (int)sizeof feed->room)
        die("feed: expected pg:ROOM:CONNECTION");
    memcpy(feed->room, rest, (size_t)(colon - rest));
    feed->connection = PQconnectdb(colon + 1);
    if (PQstatus(feed->connection) != CONNECTION_OK)
        die("feed: %s", PQerrorMessage(feed->connection));
    must_pg(feed, PQprepare(feed->connection, "put", statement, 2, NULL), PGRES_COMMAND_OK);
    must_pg(feed, PQprepare(feed->connection, "ring", "select pg_notify('confab_room', $1)", 1, NULL),
            PGRES_COMMAND_OK);
}

static void put_pg(struct feed *feed, int64_t first, int64_t count, int64_t *committed)
{
    char *rows = zeroed((size_t)(count * (feed->size + 3) + 3), 1), *at = rows;
    for (int64_t i = 0; i < count; i++) {
        number(feed, first + i);
        *at++ = i ? ',' : '{';
        *at++ = '"';
        memcpy(at, feed->text, (size_t)feed->size);
        at += feed->size;
        *at++ = '"';
    }
    *at = '}';
    const char *values[] = { feed->room, rows };
    must_pg(feed, PQexecPrepared(feed->connection, "put", 2, values, NULL, NULL, 0), PGRES_COMMAND_OK);
    *committed = now_ns();
    if (!bell_ring(feed->bell, strtoll(feed->room, NULL, 10)))
        must_pg(feed, PQexecPrepared(feed->connection, "ring", 1, values, NULL, NULL, 0), PGRES_TUPLES_OK);
    free(rows);
}

/* --- a socket --- */

static void open_socket(struct feed *feed, const char *rest)
{
    char address[64];
    if (sscanf(rest, "%63[^/ ]%255[^ ]", address, feed->path) != 2)
        die("feed: expected ADDRESS/PATH");
    snprintf(feed->host, sizeof feed->host, "%s", address);
    feed->fd = socket_connect(address, 0, true);
    if (feed->kind != FEED_WS)
        return;
    feed->around = strchr(rest, ' ') ? strchr(rest, ' ') + 1 : "%m";
    char request[1024], answer[ANSWER_MAX];
    int len = socket_request(request, sizeof request, feed->host, feed->path);
    socket_write(feed->fd, request, (size_t)len);
    size_t got = 0;
    while (got < 4 || !memmem(answer, got, "\r\n\r\n", 4)) {
        ssize_t more = recv(feed->fd, answer + got, sizeof answer - got, 0);
        if (more <= 0)
            die("feed: no handshake");
        got += (size_t)more;
    }
    if (memcmp(answer, "HTTP/1.1 101", 12) != 0)
        die("feed: refused: %.60s", answer);
}

/* What the server says to this connection is of no interest, but must not pile up; only Engine.IO's ping is answered.
 */
static void drain(int fd)
{
    static char answer[ANSWER_MAX];
    for (ssize_t got; (got = recv(fd, answer, sizeof answer, MSG_DONTWAIT)) > 0;)
        if (memmem(answer, (size_t)got, "\x81\x01\x32", 3))
            socket_frame(fd, 1, "3", 1);
}

static void put_ws(struct feed *feed)
{
    static char text[ANSWER_MAX];
    const char *mark = strstr(feed->around, "%m");
    if (!mark)
        die("feed: no %%m");
    int len = snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - feed->around), feed->around, feed->text, mark + 2);
    socket_frame(feed->fd, 1, text, (size_t)len);
    drain(feed->fd);
}

/* An answer is a head and so many bytes as it says. */
static void read_answers(struct feed *feed, int64_t count)
{
    static char answer[ANSWER_MAX];
    size_t got = 0;
    while (count) {
        const char *end = got ? memmem(answer, got, "\r\n\r\n", 4) : NULL;
        const char *length = end ? memmem(answer, (size_t)(end - answer), "Content-Length: ", 16) : NULL;
        size_t whole = end ? (size_t)(end - answer) + 4 + (length ? strtoul(length + 16, NULL, 10) : 0) : 0;
        if (end && got >= whole) {
            if (answer[9] != '2')
                die("feed: %.40s", answer);
            memmove(answer, answer + whole, got -= whole);
            count--;
            continue;
        }
        ssize_t more = recv(feed->fd, answer + got, sizeof answer - got - 1, 0);
        if (more <= 0)
            die("feed: the connection was closed");
        got += (size_t)more;
    }
}

static void put_http(struct feed *feed, int64_t first, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        char head[512];
        number(feed, first + i);
        int len = snprintf(head, sizeof head,
                           "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %lld\r\n\r\n",
                           feed->path, feed->host, (long long)feed->size);
        socket_write(feed->fd, head, (size_t)len);
        socket_write(feed->fd, feed->text, (size_t)feed->size);
    }
    read_answers(feed, count);
}

/* --- --- */

struct feed *feed_open(const char *what, int64_t size, const char *hello, const char *bell)
{
    struct feed *feed = zeroed(1, sizeof *feed);
    feed->bell = bell_new(bell);
    if (feed->bell && !bell_there(feed->bell))
        die("feed: nobody hears bell=%s", bell);
    feed->size = size < 32 ? 32 : size;
    make_text(feed);
    if (strncmp(what, "pg:", 3) == 0) {
        feed->kind = FEED_PG;
        open_pg(feed, what + 3);
    } else if (strncmp(what, "ws:", 3) == 0) {
        feed->kind = FEED_WS;
        open_socket(feed, what + 3);
        if (*hello)
            socket_frame(feed->fd, 1, hello, strlen(hello));
    } else if (strncmp(what, "http:", 5) == 0) {
        feed->kind = FEED_HTTP;
        open_socket(feed, what + 5);
    } else {
        die("feed=%s: no such way", what);
    }
    return feed;
}

void feed_put(struct feed *feed, int64_t first, int64_t count, int64_t *committed)
{
    *committed = 0;
    if (feed->kind == FEED_PG) {
        put_pg(feed, first, count, committed);
    } else if (feed->kind == FEED_HTTP) {
        put_http(feed, first, count);
    } else {
        for (int64_t i = 0; i < count; i++) {
            number(feed, first + i);
            put_ws(feed);
        }
    }
}
