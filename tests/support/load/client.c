#include "tests/support/load/client.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/must.h"
#include "tests/support/load/ledger.h"

/* Milliseconds. A page waits as long for its first attempts and never longer than a second (static/js/room.js). */
enum { STEP_MS = 10000, REST_FIRST_MS = 100, REST_MOST_MS = 1000, BEAT_MS = 10000 };
enum { WRONG_AFTER = 40 };

int64_t load_microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

__attribute__((format(printf, 2, 3))) static void say(struct client *client, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    must(len >= 0 && (size_t)len < sizeof text);
    wire_frame(&client->wire, 1, (struct text){ text, (size_t)len });
}

static void enter(struct client *client, enum step step, int64_t ms)
{
    client->step = step;
    client->due = client->load->now + ms;
}

/* Away for a moment, then again from the beginning. */
static void rest(struct client *client)
{
    int64_t most = (int64_t)REST_FIRST_MS << (client->tries < 4 ? client->tries : 4);
    if (most > REST_MOST_MS)
        most = REST_MOST_MS;
    if (client->load->talk)
        fprintf(stderr, "%lld client %zu: away from step %d, try %d\n", (long long)client->load->now,
                (size_t)(client - client->load->clients), client->step, client->tries);
    client->tries++;
    client->load->comebacks++;
    wire_close(&client->wire);
    enter(client, RESTING, most / 2 + random() % (most / 2));
}

/* --- beginning --- */

static bool dial(struct client *client, enum step step)
{
    client->wire.owner = client;
    client->wire.epoll = client->load->epoll;
    enter(client, step, STEP_MS);
    if (wire_open(&client->wire, client->where, client->direct && client->kind == READER))
        return true;
    rest(client);
    return false;
}

__attribute__((format(printf, 2, 3))) static void request(struct client *client, const char *format, ...)
{
    char head[4096];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(head, sizeof head, format, args);
    va_end(args);
    must(len >= 0 && (size_t)len < sizeof head);
    wire_send(&client->wire, head, (size_t)len);
}

static const char *host(const struct client *client)
{
    return strstr(client->load->origin, "//") + 2;
}

/* The page gives a writer what it is known by: the cookie, and the token that goes with it. */
static void fetch(struct client *client)
{
    const char *where = client->where;
    client->where = client->load->front;
    if (dial(client, FETCHING))
        request(client, "GET %srooms/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s%s%s\r\n", client->load->base,
                client->load->room, host(client), *client->cookie ? "Cookie: " : "", client->cookie,
                *client->cookie ? "\r\n" : "");
    client->where = where;
}

static void upgrade(struct client *client)
{
    if (!dial(client, UPGRADING))
        return;
    request(client,
            "GET %slive/websocket?vsn=2.0.0%s%s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "%s%s%s\r\n",
            client->load->base, *client->csrf ? "&_csrf_token=" : "", client->csrf, host(client), client->load->origin,
            *client->cookie ? "Cookie: " : "", client->cookie, *client->cookie ? "\r\n" : "");
}

static void begin(struct client *client)
{
    if (client->kind != READER && !*client->csrf)
        fetch(client);
    else if (client->kind != FORM_WRITER)
        upgrade(client);
    else
        enter(client, JOINED, STEP_MS);
}

void client_start(struct client *client)
{
    client->wire = (struct wire){ .fd = -1 };
    client->rev = -1;
    client->next_post = client->load->now + random() % (client->load->period + 1);
    enter(client, RESTING, random() % 200);
}

/* --- posting --- */

static void worked(struct client *client, int64_t number)
{
    client->tries = 0;
    client->load->worked(client, number);
}

static void acknowledged(struct client *client, int64_t seq)
{
    struct load *load = client->load;
    client->posting = false;
    load->acknowledged++;
    ledger_acknowledged(load->ledger, client->number, seq);
    if (load->wrong == WRONG_LIE && load->acknowledged == WRONG_AFTER)
        ledger_acknowledged(load->ledger, load->most, 0);
    worked(client, client->number);
    client->next_post += load->period;
    if (client->next_post < load->now - load->period)
        client->next_post = load->now;
}

static void post_by_form(struct client *client)
{
    struct load *load = client->load;
    char body[1024];
    int len = snprintf(body, sizeof body, "_csrf=%s&name=Load&client_id=%s-%lld&message=n%%3D%lld+t%%3D%lld+by+form",
                       client->csrf, load->run, (long long)client->number, (long long)client->number,
                       (long long)load->sent[client->number]);
    must(len > 0 && (size_t)len < sizeof body);
    if (dial(client, SENDING))
        request(client,
                "POST %srooms/%s/messages HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nCookie: %s\r\nConnection: close\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
                load->base, load->room, host(client), load->origin, client->cookie, len, body);
}

static void post_by_socket(struct client *client)
{
    const struct load *load = client->load;
    client->post_ref = ++client->ref;
    enter(client, SENDING, STEP_MS);
    say(client,
        "[\"%u\",\"%u\",\"room:%s\",\"new_message\",{\"name\":\"Load\",\"client_id\":\"%s-%lld\","
        "\"message\":\"n=%lld t=%lld by socket, with some words more, as people write them to each other\"}]",
        client->join_ref, client->post_ref, load->room, load->run, (long long)client->number, (long long)client->number,
        (long long)load->sent[client->number]);
}

static void post(struct client *client)
{
    struct load *load = client->load;
    if (!client->posting) {
        if (!load->posting || load->number >= load->most || client->next_post > load->now)
            return;
        client->posting = true;
        client->number = load->number++;
        load->sent[client->number] = load_microseconds();
    }
    if (client->kind == FORM_WRITER)
        post_by_form(client);
    else
        post_by_socket(client);
}

/* --- what a reader is shown --- */

/* A place that was passed over is lost, or comes too late: when that was may tell why. */
static void say_hole(const struct client *client, int64_t seq)
{
    fprintf(stderr, "%lld reader %zu: %lld, then %lld; it joined at %lld, from %lld to %lld\n",
            (long long)client->load->now, client->index, (long long)client->rev, (long long)seq,
            (long long)client->joined.at, (long long)client->joined.from, (long long)client->joined.to);
}

static void record(struct client *client, int64_t seq, int64_t number)
{
    struct load *load = client->load;
    if (!load->unjudged) {
        if (seq > client->rev + 1)
            say_hole(client, seq);
        ledger_shown(load->ledger, client->index, seq, number);
    }
    if (seq > client->rev)
        client->rev = seq;
    worked(client, number);
}

static void show(struct client *client, int64_t seq, int64_t number)
{
    struct load *load = client->load;
    bool wrong = client->index == 0 && load->acknowledged > WRONG_AFTER;
    if (client->kept.seq) {
        record(client, seq, number);
        record(client, client->kept.seq, client->kept.number);
        client->kept.seq = 0;
        return;
    }
    if (wrong && (load->wrong == WRONG_SWAP || load->wrong == WRONG_DROP)) {
        if (load->wrong == WRONG_SWAP)
            client->kept.seq = seq, client->kept.number = number;
        load->wrong = RIGHT;
        return;
    }
    record(client, seq, number);
    if (wrong && load->wrong == WRONG_TWICE) {
        record(client, seq, number);
        load->wrong = RIGHT;
    }
}

static bool number_behind(struct text *text, const char *key, int64_t *out)
{
    const char *at = memmem(text->at, text->len, key, strlen(key));
    if (!at)
        return false;
    at += strlen(key);
    text->len -= (size_t)(at - text->at);
    text->at = at;
    int64_t number = 0;
    for (; text->len && *text->at >= '0' && *text->at <= '9'; text->at++, text->len--)
        number = number * 10 + (*text->at - '0');
    *out = number;
    return true;
}

/* An event in a hurry: a broadcast carries the seq and then the text. In `html` quotes are escaped, so that the keys
 * cannot be taken from there. */
static void heard_event(struct client *client, struct text text)
{
    int64_t seq, number;
    if (number_behind(&text, "\"seq\":", &seq))
        show(client, seq, number_behind(&text, "\"message\":\"n=", &number) ? number : LEDGER_FOREIGN);
}

static int64_t number_of(const json_t *message)
{
    const char *text = json_string_value(json_object_get(message, "message"));
    return text && strncmp(text, "n=", 2) == 0 ? strtoll(text + 2, NULL, 10) : LEDGER_FOREIGN;
}

static void caught_up(struct client *client, const json_t *response)
{
    const json_t *messages = json_object_get(response, "messages"), *message;
    int64_t rev = json_integer_value(json_object_get(response, "rev"));
    bool reset = json_is_true(json_object_get(response, "reset")), first = client->rev < 0;
    size_t i;
    if (client->kind == READER && first)
        ledger_begins(client->load->ledger, client->index, rev);
    client->joined.at = client->load->now;
    client->joined.from = client->rev;
    client->joined.to = rev;
    if (client->kind == READER && reset && !first) {
        int64_t from = json_integer_value(json_object_get(json_array_get(messages, 0), "seq"));
        client->load->resets++;
        ledger_reset(client->load->ledger, client->index, from);
        if (from > client->rev + 1)
            client->rev = from - 1;
    }
    json_array_foreach(messages, i, message)
    {
        int64_t seq = json_integer_value(json_object_get(message, "seq"));
        if (client->kind == READER && !first && !(reset && seq <= client->rev))
            show(client, seq, number_of(message));
    }
    client->rev = rev;
    snprintf(client->epoch, sizeof client->epoch, "%s", json_string_value(json_object_get(response, "epoch")));
}

/* --- the conversation --- */

static void join(struct client *client)
{
    char cursor[128] = "";
    if (client->rev >= 0)
        snprintf(cursor, sizeof cursor, "\"last_rev\":%lld,\"epoch\":\"%s\"", (long long)client->rev, client->epoch);
    client->join_ref = ++client->ref;
    enter(client, JOINING, STEP_MS);
    say(client, "[\"%u\",\"%u\",\"room:%s\",\"phx_join\",{%s}]", client->join_ref, client->join_ref, client->load->room,
        cursor);
}

static void heard_reply(struct client *client, const char *ref, const json_t *payload)
{
    const json_t *response = json_object_get(payload, "response");
    bool good = strcmp(json_string_value(json_object_get(payload, "status")), "ok") == 0;
    unsigned number = ref ? (unsigned)strtoul(ref, NULL, 10) : 0;
    if (client->step == JOINING && number == client->join_ref) {
        if (!good) {
            rest(client);
            return;
        }
        caught_up(client, response);
        enter(client, JOINED, STEP_MS);
    } else if (client->step == SENDING && number == client->post_ref) {
        enter(client, JOINED, STEP_MS);
        if (good)
            acknowledged(client, json_integer_value(json_object_get(json_object_get(response, "message"), "seq")));
        else if (json_object_get(response, "errors")) /* not what a retry can mend */
            must(!"a post was refused for good");
        else
            client->next_post = client->load->now + REST_FIRST_MS;
    }
}

static void heard(struct client *client, struct text text)
{
    static const char broadcast[] = "[null,null,";
    if (text.len > sizeof broadcast && memcmp(text.at, broadcast, sizeof broadcast - 1) == 0) {
        if (client->kind == READER && memmem(text.at, text.len < 100 ? text.len : 100, "\"new_message\"", 13))
            heard_event(client, text);
        return;
    }
    json_t *frame = json_loadb(text.at, text.len, 0, NULL);
    const char *event = json_string_value(json_array_get(frame, 3));
    must(event != NULL);
    if (strcmp(event, "phx_reply") == 0)
        heard_reply(client, json_string_value(json_array_get(frame, 1)), json_array_get(frame, 4));
    else if (strcmp(event, "phx_error") == 0 || strcmp(event, "phx_close") == 0)
        rest(client);
    json_decref(frame);
}

static void read_frames(struct client *client)
{
    int opcode;
    struct text payload;
    while (client->step != RESTING && wire_next(&client->wire, &opcode, &payload)) {
        if (opcode == 1)
            heard(client, payload);
        else if (opcode == 9)
            wire_frame(&client->wire, 10, payload);
        else if (opcode == 8)
            rest(client);
    }
}

/* --- HTTP --- */

static bool between(struct text text, const char *before, char until, char *out, size_t size)
{
    const char *at = memmem(text.at, text.len, before, strlen(before));
    if (!at)
        return false;
    at += strlen(before);
    const char *end = memchr(at, until, text.len - (size_t)(at - text.at));
    if (!end || (size_t)(end - at) >= size)
        return false;
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
    return true;
}

static int status_of(struct text answer)
{
    return answer.len > 12 ? (int)strtol(answer.at + 9, NULL, 10) : 0;
}

/* The whole answer is here: the server has closed. */
static void answered(struct client *client)
{
    struct text answer = wire_arrived(&client->wire);
    int status = status_of(answer);
    if (client->step == FETCHING && status == 200) {
        between(answer, "Set-Cookie: ", ';', client->cookie, sizeof client->cookie);
        if (!*client->cookie || !between(answer, "csrf-token\" content=\"", '"', client->csrf, sizeof client->csrf)) {
            rest(client);
            return;
        }
        wire_close(&client->wire);
        begin(client);
    } else if (client->step == SENDING && client->kind == FORM_WRITER && status == 303) {
        wire_close(&client->wire);
        enter(client, JOINED, STEP_MS);
        acknowledged(client, 0);
    } else {
        must(status != 422 && status != 403);
        rest(client);
    }
}

static void upgraded(struct client *client)
{
    struct text answer = wire_arrived(&client->wire);
    const char *end = memmem(answer.at, answer.len, "\r\n\r\n", 4);
    if (!end)
        return;
    if (status_of(answer) != 101) {
        rest(client);
        return;
    }
    wire_take(&client->wire, (size_t)(end - answer.at) + 4);
    client->beat = client->load->now + BEAT_MS;
    join(client);
    read_frames(client);
}

/* --- what happens --- */

void client_turn(struct client *client, uint32_t events)
{
    if (client->wire.fd < 0 || client->stalled)
        return;
    bool alive = wire_turn(&client->wire, events);
    if (client->step == FETCHING || client->kind == FORM_WRITER) {
        if (!alive)
            answered(client);
        return;
    }
    if (client->step == UPGRADING)
        upgraded(client);
    else
        read_frames(client);
    if (!alive && client->step != RESTING)
        rest(client);
}

void client_tick(struct client *client)
{
    if (client->step == RESTING) {
        if (client->due <= client->load->now)
            begin(client);
        return;
    }
    if (client->step == JOINED && client->kind != READER && client->next_post <= client->load->now)
        post(client);
    if (client->step == JOINED || client->stalled)
        client->due = client->load->now + STEP_MS;
    else if (client->due <= client->load->now)
        rest(client);
    if (client->kind != FORM_WRITER && client->step >= JOINED && !client->stalled &&
        client->beat <= client->load->now) {
        client->beat = client->load->now + BEAT_MS;
        say(client, "[null,\"%u\",\"phoenix\",\"heartbeat\",{}]", ++client->ref);
    }
}

void client_stall(struct client *client, bool stall)
{
    client->stalled = stall;
    if (client->wire.fd >= 0)
        wire_listen(&client->wire, !stall);
}
