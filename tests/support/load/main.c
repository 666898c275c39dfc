/* The load of the fault campaigns and of the benchmark with stalled readers: clients that post and read, and the ledger
 * of what they were told. Who causes the faults speaks with it by lines:
 *
 *     in:  fault NAME        something breaks now
 *          back              it is whole again: from here on the recovery counts
 *          stall N, go       the last N readers stop reading, go on
 *          stats             latencies since the last time
 *          stop              no new posts
 *          drain SEQ         wait until all readers are there
 *          judge FILE        compare with the rows of the database (lines of seq, '|', text), and end
 *     out: ready             every client has worked once
 *          recovered NAME outage=MS first=MS all=MS last=CLIENT
 *          stats count=N p50=MS p99=MS max=MS acknowledged=N
 *          quiet             after stop: nothing waits for an acknowledgement
 *          drained, or undrained READERS
 *          verdict KEY=N...  exit status 0 if nothing is wrong, 1 otherwise
 *
 * "first" is the first acknowledgement or delivery of a message sent after the part was back, "all" when that is true
 * for each client that has not stalled. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/must.h"
#include "tests/support/load/client.h"
#include "tests/support/load/ledger.h"

enum { TURN_MS = 5, TICK_MS = 5, DRAIN_MS = 15000, SLOTS = 1000000, SLOT_US = 10 };

static struct load load = {
    .front = "127.0.0.1:8080", .base = "/", .room = "lobby", .run = "run", .period = 100, .most = 1000000
};
static struct {
    char name[64];
    int64_t began, back; /* microseconds; back 0: it is not over */
    int64_t first;
    bool open; /* "recovered" was not said yet */
} fault = { .name = "start" };
static struct {
    uint32_t slots[SLOTS];
    size_t count, acknowledged;
} latency;
static bool stopping;
static int64_t draining; /* seq, or 0 */
static int64_t drain_until;

/* --- recovery --- */

static bool all_well(void)
{
    for (size_t i = 0; i < load.client_count; i++)
        if (!load.clients[i].well && !load.clients[i].stalled)
            return false;
    return true;
}

static void note_latency(const struct client *client, int64_t number, int64_t now)
{
    if (client->kind != READER || number < 0 || number >= load.number)
        return;
    int64_t slot = (now - load.sent[number]) / SLOT_US;
    latency.slots[slot < SLOTS ? slot : SLOTS - 1]++;
    latency.count++;
}

static void worked(struct client *client, int64_t number)
{
    int64_t now = load_microseconds();
    note_latency(client, number, now);
    if (!fault.open || !fault.back || client->well)
        return;
    if (client->kind == READER && (number < 0 || number >= load.number || load.sent[number] < fault.back))
        return;
    client->well = true;
    if (!fault.first)
        fault.first = now;
    if (!all_well())
        return;
    fault.open = false;
    if (strcmp(fault.name, "start") == 0)
        printf("ready\n");
    else
        printf("recovered %s outage=%lld first=%lld all=%lld last=%td\n", fault.name,
               (long long)(fault.back - fault.began) / 1000, (long long)(fault.first - fault.back) / 1000,
               (long long)(now - fault.back) / 1000, client - load.clients);
}

static void begin_fault(const char *name)
{
    snprintf(fault.name, sizeof fault.name, "%s", name);
    fault.began = load_microseconds();
    fault.back = fault.first = 0;
    fault.open = true;
    for (size_t i = 0; i < load.client_count; i++)
        load.clients[i].well = false;
}

/* --- the end --- */

static void say_stats(void)
{
    int64_t p50 = -1, p99 = -1, most = 0;
    size_t seen = 0;
    for (int i = 0; i < SLOTS; i++) {
        seen += latency.slots[i];
        if (p50 < 0 && seen * 2 >= latency.count)
            p50 = i;
        if (p99 < 0 && seen * 100 >= latency.count * 99)
            p99 = i;
        if (latency.slots[i])
            most = i;
    }
    printf("stats count=%zu p50=%.2f p99=%.2f max=%.2f acknowledged=%zu\n", latency.count, (double)p50 * SLOT_US / 1e3,
           (double)p99 * SLOT_US / 1e3, (double)most * SLOT_US / 1e3, load.acknowledged - latency.acknowledged);
    memset(&latency, 0, sizeof latency);
    latency.acknowledged = load.acknowledged;
}

static int judge(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[8192], *text;
    must(file != NULL);
    while (fgets(line, sizeof line, file)) {
        int64_t seq = strtoll(line, &text, 10);
        ledger_stored(load.ledger, seq, strncmp(text, "|n=", 3) == 0 ? strtoll(text + 3, NULL, 10) : LEDGER_FOREIGN);
    }
    fclose(file);
    struct verdict verdict = ledger_judge(load.ledger);
    printf(
        "verdict acknowledged=%zu stored=%zu shown=%zu lost=%zu twice=%zu reordered=%zu missing=%zu stored_twice=%zu "
        "strange=%zu excused=%zu resets=%zu comebacks=%zu\n",
        verdict.acknowledged, verdict.stored, verdict.shown, verdict.lost, verdict.twice, verdict.reordered,
        verdict.missing, verdict.stored_twice, verdict.strange, verdict.excused, load.resets, load.comebacks);
    return verdict_good(&verdict) ? 0 : 1;
}

static void check_quiet(void)
{
    for (size_t i = 0; i < load.client_count; i++)
        if (load.clients[i].posting)
            return;
    stopping = false;
    printf("quiet\n");
}

static void check_drained(void)
{
    size_t behind = 0;
    for (size_t i = 0; i < load.reader_count; i++)
        behind += load.clients[i].rev < draining;
    if (behind && load.now < drain_until)
        return;
    draining = 0;
    if (behind)
        printf("undrained %zu\n", behind);
    else
        printf("drained\n");
}

/* --- orders --- */

static void stall(size_t count, bool stalled)
{
    for (size_t i = 0; i < count && i < load.reader_count; i++)
        client_stall(&load.clients[load.reader_count - 1 - i], stalled);
}

static void obey(char *line)
{
    char *space = strchr(line, ' ');
    const char *rest = space ? space + 1 : "";
    if (space)
        *space = '\0';
    if (strcmp(line, "fault") == 0) {
        begin_fault(rest);
    } else if (strcmp(line, "back") == 0) {
        fault.back = load_microseconds();
        if (load.talk)
            fprintf(stderr, "%lld back from %s\n", (long long)fault.back / 1000, fault.name);
    } else if (strcmp(line, "stall") == 0) {
        stall(strtoul(rest, NULL, 10), true);
    } else if (strcmp(line, "go") == 0) {
        stall(load.reader_count, false);
    } else if (strcmp(line, "stats") == 0) {
        say_stats();
    } else if (strcmp(line, "stop") == 0) {
        load.posting = false;
        stopping = true;
    } else if (strcmp(line, "drain") == 0) {
        draining = strtoll(rest, NULL, 10);
        drain_until = load.now + DRAIN_MS;
        if (!draining)
            printf("drained\n");
    } else if (strcmp(line, "judge") == 0) {
        exit(judge(rest));
    }
}

/* Whole lines of what came; the end of the input is ours. */
static void hear_orders(void)
{
    static char text[4096];
    static size_t len;
    ssize_t got = read(STDIN_FILENO, text + len, sizeof text - 1 - len);
    if (got == 0)
        exit(3);
    if (got < 0)
        return;
    len += (size_t)got;
    text[len] = '\0';
    for (char *end; (end = strchr(text, '\n'));) {
        *end = '\0';
        obey(text);
        len -= (size_t)(end + 1 - text);
        memmove(text, end + 1, len + 1);
    }
}

/* --- beginning --- */

static size_t talk, unjudged, readers = 4, directs, sockets = 2, forms = 2, direct_writers;
static int64_t rate = 100;

static void set(const char *key, const char *value)
{
    const struct {
        const char *key;
        const char **text;
        size_t *size;
        int64_t *number;
    } settings[] = {
        { "front", &load.front, NULL, NULL },
        { "direct", &load.direct, NULL, NULL },
        { "origin", &load.origin, NULL, NULL },
        { "base", &load.base, NULL, NULL },
        { "room", &load.room, NULL, NULL },
        { "run", &load.run, NULL, NULL },
        { "readers", NULL, &readers, NULL },
        { "directs", NULL, &directs, NULL },
        { "sockets", NULL, &sockets, NULL },
        { "forms", NULL, &forms, NULL },
        { "direct_writers", NULL, &direct_writers, NULL },
        { "rate", NULL, NULL, &rate },
        { "first", NULL, NULL, &load.number },
        { "most", NULL, NULL, &load.most },
        { "talk", NULL, &talk, NULL },
        { "unjudged", NULL, &unjudged, NULL },
    };
    static const char *const wrongs[] = { "right", "drop", "twice", "swap", "lie" };
    for (int i = 0; strcmp(key, "wrong") == 0 && i < 5; i++)
        if (strcmp(value, wrongs[i]) == 0)
            load.wrong = (enum wrong)i;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (strcmp(key, settings[i].key) != 0)
            continue;
        if (settings[i].text)
            *settings[i].text = value;
        if (settings[i].size)
            *settings[i].size = strtoul(value, NULL, 10);
        if (settings[i].number)
            *settings[i].number = strtoll(value, NULL, 10);
    }
}

static void make_clients(void)
{
    load.reader_count = readers;
    load.writer_count = sockets + forms;
    load.client_count = readers + sockets + forms;
    load.clients = calloc(load.client_count, sizeof *load.clients);
    load.sent = calloc((size_t)load.most + 1, sizeof *load.sent);
    must(load.clients != NULL && load.sent != NULL && load.writer_count > 0);
    load.ledger = ledger_new(readers);
    load.period = (int64_t)load.writer_count * 1000 / rate;
    for (size_t i = 0; i < load.client_count; i++) {
        struct client *client = &load.clients[i];
        client->load = &load;
        client->kind = i < readers ? READER : i < readers + sockets ? SOCKET_WRITER : FORM_WRITER;
        client->index = i < readers ? i : i - readers;
        client->direct = (i < readers && i >= readers - directs) || (client->kind == SOCKET_WRITER && direct_writers);
        client->where = client->direct ? load.direct : load.front;
        client_start(client);
    }
}

static void run(void)
{
    struct epoll_event events[256];
    int64_t ticked = 0;
    struct epoll_event orders = { .events = EPOLLIN, .data.ptr = NULL };
    must(epoll_ctl(load.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &orders) == 0);
    for (;;) {
        int count = epoll_wait(load.epoll, events, 256, TURN_MS);
        load.now = load_microseconds() / 1000;
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                client_turn(events[i].data.ptr, events[i].events);
            else
                hear_orders();
        }
        if (load.now - ticked < TICK_MS)
            continue;
        ticked = load.now;
        for (size_t i = 0; i < load.client_count; i++)
            client_tick(&load.clients[i]);
        if (stopping)
            check_quiet();
        if (draining)
            check_drained();
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        must(equals != NULL);
        *equals = '\0';
        set(argv[i], equals + 1);
    }
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    must(load.epoll >= 0);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    load.now = load_microseconds() / 1000;
    srandom((unsigned)getpid());
    load.worked = worked;
    load.posting = true;
    load.talk = talk != 0;
    load.unjudged = unjudged != 0;
    make_clients();
    begin_fault("start");
    fault.back = fault.began;
    run();
    return 0;
}
