#include "polling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/must.h"
#include "chat/message.h"
#include "chat/posting.h"
#include "db/db.h"
#include "web/view.h"

struct arena *arena;
const struct config *config;
struct view *view;
struct scope scope;
PGconn *owner;
char room[64];
int64_t room_id;

const char *sql(const char *statement)
{
    PGresult *result = PQexec(owner, statement);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fprintf(stderr, "%s: %s", statement, PQresultErrorMessage(result));
    must(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK);
    const char *said = PQntuples(result) ? arena_printf(arena, "%s", PQgetvalue(result, 0, 0)) : "";
    PQclear(result);
    return said;
}

void new_room(void)
{
    static int rooms;
    snprintf(room, sizeof room, "poll-%d-%d", (int)getpid(), ++rooms);
    const char *id =
        sql(arena_printf(arena, "insert into rooms (slug, name) values ('%s', 'Poll') returning id", room));
    room_id = strtoll(id, NULL, 10);
}

void say(int64_t id, int count)
{
    for (int i = 0; i < count; i++) {
        struct message_new new = { .name = TEXT("Bo"), .message = TEXT("hello") };
        struct errors errors = { 0 };
        struct message message;
        must(message_post(&scope, id, &new, &errors, &message) == DONE);
    }
}

struct cursor begin(void)
{
    struct cursor cursor;
    must(poll_open(&scope, &cursor) == DONE);
    cursor_own(&cursor, &scope, false);
    return cursor;
}

enum outcome post(const struct cursor *cursor, const char *body)
{
    struct buffer text = buffer_new(1 << 20);
    for (const char *at; (at = strstr(body, "ROOM")); body = at + 4) {
        buffer_add(&text, body, (size_t)(at - body));
        buffer_printf(&text, "room:%s", room);
    }
    buffer_string(&text, body);
    enum outcome outcome = poll_post(&scope, view, cursor, text_copy(arena, buffer_view(&text)));
    buffer_free(&text);
    return outcome;
}

static const char *string_of(const json_t *json)
{
    return json_is_string(json) ? json_string_value(json) : "null";
}

const char *in_short(const json_t *message)
{
    json_t *frame = json_loads(json_string_value(message), 0, NULL);
    const json_t *payload = json_array_get(frame, 4);
    const char *event = string_of(json_array_get(frame, 3)), *ref = string_of(json_array_get(frame, 1)), *said = event;
    if (strcmp(event, "phx_reply") == 0)
        said = arena_printf(arena, "reply %s %s", ref, string_of(json_object_get(payload, "status")));
    else if (strcmp(event, "new_message") == 0)
        said = arena_printf(arena, "new %lld", (long long)json_integer_value(json_object_get(payload, "seq")));
    else if (strncmp(event, "phx_", 4) == 0)
        said = arena_printf(arena, "%s %s", event + 4, ref);
    else
        said = arena_printf(arena, "%s", event);
    json_decref(frame);
    return said;
}

static void release_json(void *json)
{
    json_decref(json);
}

/* Who is here is told besides, and tested elsewhere (tests/live/presence-polls.t). */
static void drop_presence(json_t *messages)
{
    for (size_t i = json_array_size(messages); i-- > 0;)
        if (strstr(json_string_value(json_array_get(messages, i)), "\"presence_"))
            json_array_remove(messages, i);
}

struct answer get(const struct cursor *cursor)
{
    struct answer answer = { .said = "" };
    struct poll *poll = poll_new(arena, cursor);
    must(poll_drain(&scope, view, poll) == DONE);
    struct buffer text = buffer_new(POLL_ANSWER_MAX);
    struct text token = cursor_token(config, arena, &poll->cursor, scope.now / 1000000);
    poll_answer(&text, 299, token, poll);
    json_t *json = arena_own(arena, json_loadb(text.at, text.len, 0, NULL), release_json);
    buffer_free(&text);
    must(json && json_integer_value(json_object_get(json, "status")) == 299);
    answer.messages = json_object_get(json, "messages");
    must(json_array_size(answer.messages) == poll->count);
    drop_presence(json_object_get(json, "messages"));
    answer.count = (int)json_array_size(answer.messages);
    answer.more = poll->more;
    for (int i = 0; i < answer.count; i++)
        answer.said = arena_printf(arena, "%s%s%s", answer.said, i ? ", " : "",
                                   in_short(json_array_get(answer.messages, (size_t)i)));
    must(cursor_read(config, arena, text_of(string_of(json_object_get(json, "token"))), scope.now / 1000000,
                     &answer.next));
    return answer;
}

const char *letters(const struct cursor *cursor)
{
    return sql(arena_printf(arena, "select count(*) from mailbox where sid = '%s'", cursor->sid));
}

bool set_up(const char *url)
{
    const char *error = NULL;
    arena = arena_new();
    config = config_load(arena, NULL, &error);
    if (config)
        view = view_load(arena_printf(arena, "%s/views", config->site_data), arena, &error);
    owner = PQconnectdb(url);
    if (!view || PQstatus(owner) != CONNECTION_OK)
        printf("# %s%s", error ? error : "", PQerrorMessage(owner));
    scope = (struct scope){ .arena = arena, .config = config, .now = clock_now(), .guest = TEXT("AZaz09_-AZaz09_-") };
    return view && PQstatus(owner) == CONNECTION_OK;
}
