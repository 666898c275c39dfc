/* Many pages that join a room within some seconds, and half of which leave, while somebody posts there.
 *
 *     crowd url=127.0.0.1:8080/live/websocket?vsn=2.0.0 room=lobby sockets=10000 seconds=10 rate=10 pids=relay:123
 *
 * 1. The main thread has all pages in one epoll and begins so many a second. Of what comes it reads only the counts of
 * who is here: a page's list is right when the last one is the number of all. (One of them names nobody.)
 * 2. A second thread posts `rate` times a second over a socket of its own, and takes the time from each push to its
 * reply.
 * 3. `joins`: from the first connection until everybody's list is right. `leaves`: the same for a half of them closing.
 *
 * Prints one line of JSON. Exits with 1 if a list was wrong after all, a page was closed, or a post was refused. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/measure.h"
#include "tests/bench/socket.h"

enum { READ_BYTES = 512 * 1024, EVENTS_MAX = 512, LATE_S = 60, PER_ADDRESS = 900, MEASURE_S = 3 };

struct page {
    int fd;
    enum { CONNECTING, SHAKING, OPEN, GONE } state;
    bool joined;
    char *rest; /* of a frame that is not complete */
    size_t rest_len;
    int64_t count; /* people and guests that it was told of last */
};

static struct {
    char host[64], path[256], join[256];
    const char *room;
    int64_t sockets, seconds, rate;
} plan;

static struct page *pages;
static int epoll;
static int64_t joined_count, gone_count, presence_frames, presence_bytes;
static char read_bytes[2 * READ_BYTES];
static struct groups groups;

/* --- pages --- */

static void watch(struct page *page, uint32_t events, int how)
{
    struct epoll_event event = { .events = events, .data.ptr = page };
    epoll_ctl(epoll, how, page->fd, &event);
}

static void begin(int64_t n)
{
    pages[n].fd = socket_connect(plan.host, 1 + (int)(n / PER_ADDRESS), false);
    watch(&pages[n], EPOLLOUT, EPOLL_CTL_ADD);
}

static void leave(struct page *page)
{
    close(page->fd);
    free(page->rest);
    page->rest = NULL;
    page->state = GONE;
}

static void connected(struct page *page)
{
    char request[1024];
    int len = socket_request(request, sizeof request, plan.host, plan.path);
    socket_write(page->fd, request, (size_t)len);
    page->state = SHAKING;
    watch(page, EPOLLIN, EPOLL_CTL_MOD);
}

static size_t shake(struct page *page, const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (memcmp(bytes, "HTTP/1.1 101", 12) != 0)
        die("refused: %.*s", (int)(len < 60 ? len : 60), bytes);
    page->state = OPEN;
    socket_frame(page->fd, 1, plan.join, strlen(plan.join));
    return (size_t)(end - bytes) + 4;
}

/* [null,null,"room:x","presence_count",{"people":1,"guests":2}]: the event stands near the beginning. */
static void text(struct page *page, const char *payload, size_t len)
{
    size_t head = len < 100 ? len : 100;
    if (memmem(payload, head, "\"presence_", 10)) {
        presence_frames++;
        presence_bytes += (int64_t)len;
        const char *people = memmem(payload, len, "{\"people\":", 10), *guests = memmem(payload, len, "\"guests\":", 9);
        if (people && guests && memmem(payload, head, "presence_count", 14))
            page->count = strtoll(people + 10, NULL, 10) + strtoll(guests + 9, NULL, 10);
    } else if (!page->joined && memmem(payload, head, "phx_reply", 9)) {
        if (!memmem(payload, len, "\"status\":\"ok\"", 13))
            die("a join was refused: %.*s", (int)(len < 200 ? len : 200), payload);
        page->joined = true;
        joined_count++;
    }
}

static size_t frames(struct page *page, const char *bytes, size_t len)
{
    size_t used = 0, size, payload_len;
    int opcode;
    const char *payload;
    while (page->state != GONE &&
           (size = socket_frame_read(bytes + used, len - used, &opcode, &payload, &payload_len))) {
        used += size;
        if (opcode == 9)
            socket_frame(page->fd, 10, payload, payload_len);
        else if (opcode == 1)
            text(page, payload, payload_len);
    }
    return used;
}

static void readable(struct page *page)
{
    size_t len = page->rest_len;
    if (len)
        memcpy(read_bytes, page->rest, len);
    ssize_t got = recv(page->fd, read_bytes + len, sizeof read_bytes - len, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            gone_count++;
            leave(page);
        }
        return;
    }
    len += (size_t)got;
    size_t used = page->state == SHAKING ? shake(page, read_bytes, len) : 0;
    if (page->state > SHAKING)
        used += frames(page, read_bytes + used, len - used);
    if (len - used > page->rest_len) {
        page->rest = realloc(page->rest, len - used);
        if (!page->rest)
            die("out of memory");
    }
    page->rest_len = len - used;
    if (page->rest_len)
        memcpy(page->rest, read_bytes + used, page->rest_len);
}

static void turn(int ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(epoll, events, EVENTS_MAX, ms);
    for (int i = 0; i < count; i++) {
        struct page *page = events[i].data.ptr;
        if (page->state == CONNECTING)
            connected(page);
        else if (page->state != GONE)
            readable(page);
    }
}

/* --- somebody who posts --- */

static struct {
    int fd;
    pthread_t thread;
    atomic_bool stop;
    struct times times;
    int64_t refused;
    char bytes[READ_BYTES];
    size_t len;
} poster;

/* What the reply to that ref says; other frames are passed over. */
static bool reply_ok(const char *ref)
{
    for (;;) {
        size_t used = 0, size, len;
        int opcode;
        const char *payload;
        bool found = false, ok = false;
        while (!found && (size = socket_frame_read(poster.bytes + used, poster.len - used, &opcode, &payload, &len))) {
            size_t head = len < 100 ? len : 100;
            found = opcode == 1 && memmem(payload, head, ref, strlen(ref)) && memmem(payload, head, "phx_reply", 9);
            ok = found && memmem(payload, len, "\"status\":\"ok\"", 13);
            if (opcode == 9)
                socket_frame(poster.fd, 10, payload, len);
            used += size;
        }
        memmove(poster.bytes, poster.bytes + used, poster.len - used);
        poster.len -= used;
        if (found)
            return ok;
        ssize_t got = recv(poster.fd, poster.bytes + poster.len, sizeof poster.bytes - poster.len, 0);
        if (got <= 0)
            die("the one who posts was cut off");
        poster.len += (size_t)got;
    }
}

static void post(int64_t n)
{
    char frame[512], ref[32];
    snprintf(ref, sizeof ref, "\"p%lld\"", (long long)n);
    snprintf(frame, sizeof frame,
             "[\"1\",%s,\"room:%s\",\"new_message\",{\"message\":\"message %lld\",\"name\":\"Poster\"}]", ref,
             plan.room, (long long)n);
    int64_t sent = now_ns();
    socket_frame(poster.fd, 1, frame, strlen(frame));
    if (reply_ok(ref))
        times_add(&poster.times, now_ns() - sent);
    else
        poster.refused++;
}

static void *post_all(void *unused)
{
    int64_t begun = now_ns();
    (void)unused;
    for (int64_t n = 0; !atomic_load(&poster.stop); n++) {
        sleep_until(begun + n * 1000000000 / plan.rate);
        post(n);
    }
    return NULL;
}

static void poster_begin(void)
{
    char request[1024];
    poster.fd = socket_connect(plan.host, 0, true);
    int len = socket_request(request, sizeof request, plan.host, plan.path);
    socket_write(poster.fd, request, (size_t)len);
    while (poster.len == 0 || !memmem(poster.bytes, poster.len, "\r\n\r\n", 4)) {
        ssize_t got = recv(poster.fd, poster.bytes + poster.len, sizeof poster.bytes - poster.len, 0);
        if (got <= 0)
            die("the one who posts is not let in");
        poster.len += (size_t)got;
    }
    poster.len = 0;
    socket_frame(poster.fd, 1, plan.join, strlen(plan.join));
    if (!reply_ok("\"1\",\"1\""))
        die("the one who posts may not join");
}

static void poster_start(void)
{
    atomic_store(&poster.stop, false);
    poster.times.count = 0;
    if (pthread_create(&poster.thread, NULL, post_all, NULL) != 0)
        die("no thread");
}

static void poster_stop(void)
{
    atomic_store(&poster.stop, true);
    pthread_join(poster.thread, NULL);
}

/* --- the parts of a run --- */

static int64_t wrong(int64_t count)
{
    int64_t found = 0;
    for (int64_t i = 0; i < plan.sockets; i++)
        found += pages[i].state != GONE && pages[i].count != count;
    return found;
}

/* Until everybody has heard of so many; seconds. */
static double all_right(int64_t count, int64_t begun)
{
    int64_t looked = 0, now = now_ns(), late = now + LATE_S * 1000000000ll;
    for (; now < late; now = now_ns()) {
        turn(10);
        if (now - looked < 20000000)
            continue;
        looked = now;
        if (!wrong(count))
            break;
    }
    return (double)(now - begun) / 1e9;
}

static double join_all(void)
{
    int64_t begun = now_ns(), started = 0, moved = begun, before = 0;
    while (joined_count + gone_count < plan.sockets) {
        int64_t due = (now_ns() - begun) * plan.sockets / (plan.seconds * 1000000000);
        for (; started < plan.sockets && started < due; started++)
            begin(started);
        turn(5);
        moved = joined_count != before ? now_ns() : moved;
        before = joined_count;
        if (now_ns() - moved > LATE_S * 1000000000ll)
            die("only %lld of %lld have joined", (long long)joined_count, (long long)plan.sockets);
    }
    return (double)(now_ns() - begun) / 1e9;
}

static void print_part(const char *name, const struct groups *before)
{
    struct times *times = &poster.times;
    groups_cpu(&groups);
    groups_memory(&groups);
    printf("\"%s\": {\"posts\": %zu, \"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f, \"frames\": %lld, \"bytes\": %lld",
           name, times->count, times_percentile(times, 0.5), times_percentile(times, 0.99), times_percentile(times, 1),
           (long long)presence_frames, (long long)presence_bytes);
    for (size_t i = 0; i < groups.count; i++)
        printf(", \"%s\": {\"cpu\": %.3f, \"pss\": %lld, \"rss\": %lld}", groups.items[i].name,
               groups.items[i].cpu - before->items[i].cpu, (long long)(groups.items[i].pss - before->items[i].pss),
               (long long)(groups.items[i].rss - before->items[i].rss));
    printf("}, ");
}

static void read_plan(int argc, char **argv)
{
    arguments(argc, argv);
    const char *url = argument("url", ""), *slash = strchr(url, '/');
    if (!slash || (size_t)(slash - url) >= sizeof plan.host || strlen(slash) >= sizeof plan.path)
        die("url=ADDRESS:PORT/PATH");
    memcpy(plan.host, url, (size_t)(slash - url));
    memcpy(plan.path, slash, strlen(slash));
    plan.room = argument("room", "lobby");
    plan.sockets = argument_number("sockets", 1000);
    plan.seconds = argument_number("seconds", 10);
    plan.rate = argument_number("rate", 10);
    groups_parse(&groups, argument("pids", ""));
    arguments_done();
    snprintf(plan.join, sizeof plan.join, "[\"1\",\"1\",\"room:%s\",\"phx_join\",{}]", plan.room);
}

int main(int argc, char **argv)
{
    read_plan(argc, argv);
    descriptors(plan.sockets + 100);
    pages = zeroed((size_t)plan.sockets, sizeof *pages);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    groups_cpu(&groups);
    groups_memory(&groups);
    struct groups before = groups;
    poster_begin();
    poster_start();
    int64_t begun = now_ns(), stay = plan.sockets - (plan.sockets + 1) / 2 + 1;
    double joined = join_all(), right = all_right(plan.sockets + 1, begun);
    int64_t wrong_joined = wrong(plan.sockets + 1);
    poster_stop();
    printf("{");
    print_part("joins", &before);
    before = groups;
    presence_frames = presence_bytes = 0;
    poster_start();
    begun = now_ns();
    for (int64_t i = 0; i < plan.sockets; i += 2)
        leave(&pages[i]);
    double left = all_right(stay, begun);
    while (now_ns() - begun < MEASURE_S * 1000000000ll)
        turn(10);
    poster_stop();
    print_part("leaves", &before);
    bool good = !wrong_joined && !wrong(stay) && !gone_count && !poster.refused;
    printf("\"joined_s\": %.3f, \"right_s\": %.3f, \"wrong\": %lld, \"left_s\": %.3f, \"wrong_left\": %lld, \"gone\": "
           "%lld, "
           "\"refused\": %lld}\n",
           joined, right, (long long)wrong_joined, left, (long long)wrong(stay), (long long)gone_count,
           (long long)poster.refused);
    return good ? 0 : 1;
}
