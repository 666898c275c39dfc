/* Many WebSocket clients in one process: joins them to a room, has messages put in (feed.h), and counts what arrives.
 *
 *     wsload url=127.0.0.1:8080/live/websocket?vsn=2.0.0 sockets=1000 join='["1","1","room:x","phx_join",{}]'
 *            joined='"status":"ok"' feed=pg:7:dbname=confab window=2 messages=200 pids=relay:123,postgres:45
 *
 * 1. The main thread has all sockets in one epoll and reads them. A second thread puts the messages: `window` of them
 *    are under way at all times (one is over when every socket has it), or, with rate=, so many in a second.
 * 2. Each socket has a bit for each message: what comes twice or never is counted, whatever order it comes in.
 * 3. CPU and memory are those of the server's processes, read at the beginning and end of what is measured; the
 *    messages of the warm-up come before that.
 * 4. beside=pg:... writes what is put as rows as well, first, so that a server without a database has the same work
 * beside it, and the same time between two messages.
 * 5. `hold` seconds without messages, with a heartbeat from each socket every `heartbeat` seconds, come first; before
 * them, and not counted, as many as `settle`: those who joined are still being told who is here.
 *
 * Prints one line of JSON. Exits with 1 if anything was lost, came twice, or a socket was closed. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/feed.h"
#include "tests/bench/measure.h"
#include "tests/bench/socket.h"

enum { READ_BYTES = 512 * 1024, CONNECTING_MAX = 200, EVENTS_MAX = 512, QUIET_S = 5, REPLY_S = 30 };

struct client {
    int fd;
    enum { CONNECTING, SHAKING, JOINING, READY, GONE } state;
    char *rest; /* of a frame that is not complete */
    size_t rest_len;
    unsigned char *seen;
};

struct message {
    int64_t put, committed, first, last; /* times */
    int64_t count;                       /* sockets that have it */
};

static struct {
    char host[2][64], path[256]; /* clients alternate between two addresses */
    int hosts;
    const char *join, *joined, *beat;
    int64_t sockets, sources, window, rate, warmup, messages, settle, hold, heartbeat, seconds, joins;
} plan;

static struct client *clients;
static struct message *messages;
static struct feed *feed, *beside;
static struct groups groups;
static int epoll;
static int64_t ready_count, gone_count, delivered, twice, strange, payload_bytes, pings;
static struct times latencies, from_commit;
static sem_t over;
static atomic_llong put_count;
static atomic_bool stop, measuring;
static int64_t measured_from, last_delivery;
static char read_bytes[READ_BYTES];

/* --- a client --- */

static void gone(struct client *client)
{
    if (client->state == GONE)
        return;
    ready_count -= client->state == READY;
    client->state = GONE;
    close(client->fd);
    gone_count++;
}

static void watch(struct client *client, uint32_t events, int operation)
{
    struct epoll_event event = { .events = events, .data.ptr = client };
    if (epoll_ctl(epoll, operation, client->fd, &event) != 0)
        die("epoll: %s", strerror(errno));
}

static void begin(int64_t i)
{
    struct client *client = &clients[i];
    client->fd = socket_connect(plan.host[i % plan.hosts], plan.sources ? 1 + (int)(i % plan.sources) : 0, false);
    client->state = CONNECTING;
    watch(client, EPOLLOUT, EPOLL_CTL_ADD);
}

static void connected(struct client *client)
{
    char request[1024];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        die("connect: %s", strerror(error));
    int len = socket_request(request, sizeof request, plan.host[0], plan.path);
    socket_write(client->fd, request, (size_t)len);
    client->state = SHAKING;
    watch(client, EPOLLIN, EPOLL_CTL_MOD);
}

static void joined(struct client *client)
{
    client->state = READY;
    ready_count++;
}

static size_t shake(struct client *client, const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (memcmp(bytes, "HTTP/1.1 101", 12) != 0)
        die("refused: %.*s", (int)(len < 60 ? len : 60), bytes);
    client->state = JOINING;
    if (*plan.join)
        socket_frame(client->fd, 1, plan.join, strlen(plan.join));
    if (!*plan.joined)
        joined(client);
    return (size_t)(end - bytes) + 4;
}

/* --- deliveries --- */

static void deliver(struct client *client, int64_t n, size_t len, int64_t now)
{
    struct message *message = &messages[n];
    unsigned char bit = (unsigned char)(1 << (n & 7));
    if (client->seen[n / 8] & bit) {
        twice++;
        return;
    }
    client->seen[n / 8] |= bit;
    delivered += n >= plan.warmup;
    if (n >= plan.warmup && messages[n].put)
        times_add(&latencies, now - message->put);
    payload_bytes = (int64_t)len;
    if (!message->first)
        message->first = now;
    message->last = now;
    last_delivery = now;
    if (++message->count == ready_count)
        sem_post(&over);
}

static void text(struct client *client, const char *payload, size_t len, int64_t now)
{
    const char *mark = memmem(payload, len, "bench:", 6);
    if (client->state == JOINING) {
        if (memmem(payload, len, plan.joined, strlen(plan.joined)))
            joined(client);
    } else if (mark && payload + len - mark >= 16) {
        int64_t n = strtoll(mark + 6, NULL, 10);
        if (n < 0 || n >= plan.warmup + plan.messages)
            strange++;
        else
            deliver(client, n, len, now);
    } else if (len == 1 && *payload == '2') {
        socket_frame(client->fd, 1, "3", 1); /* Engine.IO's own ping */
    } else if (!memmem(payload, len, "phx_reply", 9) && !memmem(payload, len, "\"presence_", 10)) {
        strange++;
    }
}

static size_t frames(struct client *client, const char *bytes, size_t len, int64_t now)
{
    size_t used = 0, size;
    int opcode;
    const char *payload;
    size_t payload_len;
    while (client->state != GONE &&
           (size = socket_frame_read(bytes + used, len - used, &opcode, &payload, &payload_len))) {
        used += size;
        if (opcode == 9) {
            pings++;
            socket_frame(client->fd, 10, payload, payload_len);
        } else if (opcode == 8) {
            fprintf(stderr, "wsload: closed by the server: %.*s\n", payload_len > 2 ? (int)payload_len - 2 : 0,
                    payload + 2);
            gone(client);
        } else if (opcode == 1) {
            text(client, payload, payload_len, now);
        }
    }
    return used;
}

static void readable(struct client *client)
{
    size_t len = client->rest_len;
    if (len)
        memcpy(read_bytes, client->rest, len);
    ssize_t got = recv(client->fd, read_bytes + len, sizeof read_bytes - len, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            gone(client);
        return;
    }
    len += (size_t)got;
    size_t used = client->state == SHAKING ? shake(client, read_bytes, len) : 0;
    if (client->state > SHAKING)
        used += frames(client, read_bytes + used, len - used, now_ns());
    if (len - used > client->rest_len) {
        client->rest = realloc(client->rest, len - used);
        if (!client->rest)
            die("out of memory");
    }
    client->rest_len = len - used;
    if (client->rest_len)
        memcpy(client->rest, read_bytes + used, client->rest_len);
}

static void turn(int ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(epoll, events, EVENTS_MAX, ms);
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        if (client->state == CONNECTING)
            connected(client);
        else if (client->state != GONE)
            readable(client);
    }
}

/* --- the parts of a run --- */

static double join_all(void)
{
    int64_t begun = now_ns(), moved = begun, started = 0, before = 0;
    while (ready_count + gone_count < plan.sockets) {
        while (started < plan.sockets && started - ready_count - gone_count < CONNECTING_MAX)
            begin(started++);
        turn(20);
        if (ready_count != before)
            moved = now_ns();
        before = ready_count;
        if (now_ns() - moved > REPLY_S * 1000000000ll)
            die("only %lld of %lld have joined", (long long)ready_count, (long long)plan.sockets);
    }
    return (double)(now_ns() - begun) / 1e9;
}

/* Nobody says anything but the heartbeats, which are spread evenly. */
static void hold(int64_t seconds)
{
    int64_t begun = now_ns(), next = 0;
    for (int64_t now = begun; now < begun + seconds * 1000000000; now = now_ns()) {
        double due = plan.heartbeat ? (double)(now - begun) / 1e9 * (double)plan.sockets / (double)plan.heartbeat : 0;
        for (; next < (int64_t)due; next++)
            if (clients[next % plan.sockets].state == READY)
                socket_frame(clients[next % plan.sockets].fd, 1, plan.beat, strlen(plan.beat));
        turn(10);
    }
}

static void put(int64_t first, int64_t count)
{
    int64_t committed, now = now_ns();
    if (first >= plan.warmup && !atomic_exchange(&measuring, true)) {
        groups_cpu(&groups);
        measured_from = now = now_ns();
    }
    for (int64_t i = 0; i < count; i++)
        messages[first + i].put = now;
    if (beside)
        feed_put(beside, first, count, &committed);
    feed_put(feed, first, count, &committed);
    for (int64_t i = 0; i < count; i++)
        messages[first + i].committed = committed;
    atomic_store(&put_count, first + count);
}

static void *put_all(void *unused)
{
    int64_t all = plan.warmup + plan.messages, begun = now_ns(), due;
    (void)unused;
    for (int64_t n = 0; n < all && !atomic_load(&stop); n += due) {
        due = 1;
        if (plan.rate) {
            sleep_until(begun + n * 1000000000 / plan.rate);
        } else {
            sem_wait(&over);
            while (plan.joins && n + due < all && n + due != plan.warmup && sem_trywait(&over) == 0)
                due++;
        }
        if (!atomic_load(&stop))
            put(n, due);
    }
    return NULL;
}

/* Until everybody has everything, or nothing has moved for a while. */
static void broadcast(void)
{
    pthread_t thread;
    int64_t begun = now_ns(), all = plan.warmup + plan.messages;
    for (int64_t i = 0; i < plan.window; i++)
        sem_post(&over);
    last_delivery = begun;
    if (pthread_create(&thread, NULL, put_all, NULL) != 0)
        die("no thread");
    for (;;) {
        turn(10);
        int64_t now = now_ns();
        bool complete = atomic_load(&put_count) == all && delivered >= plan.messages * ready_count;
        if (complete || now - last_delivery > QUIET_S * 1000000000ll || now - begun > plan.seconds * 1000000000)
            break;
    }
    atomic_store(&stop, true);
    sem_post(&over);
    pthread_join(thread, NULL);
}

/* --- the answer --- */

static void print_groups(const struct groups *before, const char *what)
{
    printf(", \"%s\": {", what);
    for (size_t i = 0; i < groups.count; i++)
        printf("%s\"%s\": {\"cpu\": %.6f, \"pss\": %lld, \"rss\": %lld}", i ? ", " : "", groups.items[i].name,
               groups.items[i].cpu - before->items[i].cpu, (long long)(groups.items[i].pss - before->items[i].pss),
               (long long)(groups.items[i].rss - before->items[i].rss));
    printf("}");
}

static int64_t count_missing(void)
{
    int64_t missing = 0;
    for (int64_t n = 0; n < atomic_load(&put_count); n++) {
        missing += ready_count - messages[n].count;
        if (n >= plan.warmup && messages[n].committed && messages[n].first)
            times_add(&from_commit, messages[n].first - messages[n].committed);
    }
    return missing + gone_count * atomic_load(&put_count);
}

static int report(const struct groups *before, double seconds)
{
    int64_t missing = count_missing();
    printf(", \"sockets\": %lld, \"gone\": %lld, \"messages\": %lld, \"deliveries\": %lld, \"missing\": %lld, "
           "\"twice\": %lld, \"strange\": %lld, \"bytes\": %lld, \"seconds\": %.4f, \"p50\": %.3f, \"p99\": %.3f, "
           "\"commit_p50\": %.3f, \"commit_p99\": %.3f",
           (long long)ready_count, (long long)gone_count, (long long)(atomic_load(&put_count) - plan.warmup),
           (long long)delivered, (long long)missing, (long long)twice, (long long)strange, (long long)payload_bytes,
           seconds, times_percentile(&latencies, 0.5), times_percentile(&latencies, 0.99),
           times_percentile(&from_commit, 0.5), times_percentile(&from_commit, 0.99));
    print_groups(before, "used");
    printf("}\n");
    return missing || twice || gone_count || delivered < plan.messages * plan.sockets;
}

static void read_plan(void)
{
    const char *url = argument("url", "");
    plan.hosts = sscanf(url, "%63[^/,],%63[^/]", plan.host[0], plan.host[1]);
    const char *path = strchr(url, '/');
    if (plan.hosts < 1 || !path)
        die("url=ADDRESS:PORT[,ADDRESS:PORT]/PATH is needed");
    snprintf(plan.path, sizeof plan.path, "%s", path);
    plan.join = argument("join", "");
    plan.joined = argument("joined", "");
    plan.beat = argument("beat", "[null,\"9\",\"phoenix\",\"heartbeat\",{}]");
    plan.sockets = argument_number("sockets", 100);
    plan.sources = argument_number("sources", 100);
    plan.window = argument_number("window", 2);
    plan.joins = argument_number("together", 0); /* what is due at one time is put in one statement */
    plan.rate = argument_number("rate", 0);
    plan.warmup = argument_number("warmup", 10);
    plan.messages = argument_number("messages", 0);
    plan.settle = argument_number("settle", 0);
    plan.hold = argument_number("hold", 0);
    plan.heartbeat = argument_number("heartbeat", 0);
    plan.seconds = argument_number("seconds", 60);
    groups_parse(&groups, argument("pids", ""));
    if (plan.sources > 250)
        die("sources=%lld: at most 250", (long long)plan.sources);
}

int main(int argc, char **argv)
{
    arguments(argc, argv);
    read_plan();
    const char *way = argument("feed", ""), *rows = argument("beside", "");
    const char *hello = argument("hello", "");
    const char *bell = argument("bell", "");
    int64_t size = argument_number("size", 120);
    arguments_done();
    descriptors(plan.sockets + 32);
    int64_t all = plan.warmup + plan.messages;
    clients = zeroed((size_t)plan.sockets, sizeof *clients);
    messages = zeroed((size_t)all, sizeof *messages);
    for (int64_t i = 0; i < plan.sockets; i++)
        clients[i].seen = zeroed((size_t)all / 8 + 1, 1);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    sem_init(&over, 0, 0);
    if (plan.messages)
        feed = feed_open(way, size, hello, bell);
    if (plan.messages && *rows)
        beside = feed_open(rows, size, "", "");
    groups_memory(&groups);
    struct groups before = groups;
    printf("{\"joining\": %.3f", join_all());
    groups_memory(&groups);
    print_groups(&before, "joined");
    hold(plan.settle);
    pings = 0;
    groups_cpu(&groups);
    before = groups;
    hold(plan.hold);
    groups_cpu(&groups);
    print_groups(&before, "held");
    printf(", \"pings\": %lld", (long long)pings);
    if (!plan.messages) {
        printf(", \"gone\": %lld}\n", (long long)gone_count);
        return gone_count != 0;
    }
    broadcast();
    before = groups; /* as of the first that was measured */
    groups_cpu(&groups);
    return report(&before, (double)(last_delivery - measured_from) / 1e9);
}
