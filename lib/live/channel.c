#include "live/channel.h"

#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/must.h"
#include "chat/message.h"
#include "chat/needs.h"
#include "chat/posting.h"
#include "chat/presence.h"
#include "chat/room.h"
#include "chat/scope.h"
#include "web/json_text.h"
#include "web/present.h"

/* Of one message with its html, and of five hundred. */
enum { RESPONSE_MAX = 2 * 1024 * 1024, JOIN_MAX = 64 * 1024 * 1024, MESSAGE_USUAL = 2000 };

struct call {
    const struct scope *scope;
    const struct view *view;
    const struct channel_call *asked;
    struct text name; /* the topic's part behind the colon */
    struct channel_answer *answer;
};

static void answer_text(struct call *call, const char *status, const struct buffer *response)
{
    call->answer->status = status;
    call->answer->response = text_copy(call->scope->arena, buffer_view(response));
}

static int add_bytes(const char *bytes, size_t len, void *out)
{
    buffer_add(out, bytes, len);
    return 0;
}

/* Takes the response. */
static void answer(struct call *call, const char *status, json_t *response)
{
    struct buffer text = buffer_new(RESPONSE_MAX);
    must(response != NULL && json_dump_callback(response, add_bytes, &text, JSON_COMPACT) == 0);
    must(!text.full); /* what is long is written as text */
    answer_text(call, status, &text);
    buffer_free(&text);
    json_decref(response);
}

void channel_refuse(struct arena *arena, struct channel_answer *out, const char *reason)
{
    out->status = "error";
    out->response = text_of(arena_printf(arena, "{\"reason\":\"%s\"}", reason));
}

json_t *channel_reason(const char *reason)
{
    return json_pack("{s:s}", "reason", reason);
}

/* {"errors": {"message": ["can't be blank", ...]}} */
static json_t *errors_json(const struct errors *errors)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < errors->count; i++) {
        json_t *sentences = json_object_get(fields, errors->items[i].field);
        if (!sentences) {
            sentences = json_array();
            json_object_set_new(fields, errors->items[i].field, sentences);
        }
        json_array_append_new(sentences, json_string(errors->items[i].sentence));
    }
    return json_pack("{s:o}", "errors", fields);
}

static void refuse(struct call *call, enum outcome outcome, const struct errors *errors)
{
    const char *used = errors_first(errors, "client_id");
    switch (outcome) {
    case DONE: must(outcome != DONE); break; /* what was done is not refused */
    case INVALID:
        if (errors->count == 1 && used && strcmp(used, "already used") == 0)
            answer(call, "error", channel_reason("client_id already used"));
        else
            answer(call, "error", errors_json(errors));
        break;
    case MISSING:
        call->answer->unmatched = true;
        answer(call, "error", channel_reason("unmatched topic"));
        break;
    case DENIED: answer(call, "error", channel_reason("unauthorized")); break;
    case LIMITED:
        answer(call, "error", json_pack("{s:s, s:i}", "reason", "rate_limited", "retry_after", errors->retry_after));
        break;
    case BROKEN: answer(call, "error", channel_reason("unavailable")); break;
    }
}

static void refuse_field(struct call *call, const char *field, const char *sentence)
{
    struct errors errors = { 0 };
    errors_add(&errors, field, sentence);
    refuse(call, INVALID, &errors);
}

/* --- payloads --- */

/* A text of the payload; absent and null give the empty text. False: it is something else. */
static bool payload_text(struct call *call, const char *key, struct text *out)
{
    const json_t *json = json_object_get(call->asked->payload, key);
    *out = TEXT("");
    if (!json || json_is_null(json))
        return true;
    if (!json_is_string(json)) {
        refuse_field(call, key, "is invalid");
        return false;
    }
    *out = (struct text){ json_string_value(json), json_string_length(json) };
    return true;
}

/* --- phx_join --- */

struct cursor {
    bool given;
    int64_t rev;
    struct text epoch; /* may be empty: then the same one is meant */
};

static bool read_cursor(struct call *call, struct cursor *out)
{
    const json_t *rev = json_object_get(call->asked->payload, "last_rev");
    *out = (struct cursor){ .given = json_is_integer(rev) };
    if (rev && !json_is_null(rev) && (!json_is_integer(rev) || json_integer_value(rev) < 0)) {
        refuse_field(call, "last_rev", "is invalid");
        return false;
    }
    out->rev = json_integer_value(rev);
    return payload_text(call, "epoch", &out->epoch);
}

/* Everything after the cursor, or the latest where that is too much or the cursor is of another database. */
static enum outcome catch_up(const struct call *call, const struct room *room, const struct cursor *cursor,
                             struct messages *out, bool *reset)
{
    *reset = false;
    if (!cursor->given)
        return message_latest(call->scope, room->id, MESSAGE_LATEST, out);
    *reset = (cursor->epoch.len && !text_equal(cursor->epoch, room->epoch)) || cursor->rev > room->rev;
    if (!*reset) {
        enum outcome outcome = message_changed(call->scope, room->id, cursor->rev, MESSAGE_CATCH_UP + 1, out);
        if (outcome != DONE || out->count <= MESSAGE_CATCH_UP)
            return outcome;
        *reset = true;
    }
    return message_latest(call->scope, room->id, MESSAGE_LATEST, out);
}

/* One that passes a limit, which is logged, is left out. */
static void add_messages(const struct call *call, const struct messages *messages, struct buffer *out)
{
    const struct scope *scope = call->scope;
    for (size_t i = 0, added = 0; i < messages->count; i++) {
        size_t before = out->len;
        if (added)
            buffer_char(out, ',');
        if (present_message(scope->config, call->view, scope->arena, &messages->items[i], out))
            added++;
        else
            out->len = before;
    }
}

/* The messages were read after the counter, so they can be ahead of it: whoever has them all is as far as the last.
 * (Numbers become visible in order: where n can be read, so can all before it.) */
static int64_t reached(const struct room *room, const struct messages *messages)
{
    int64_t rev = room->rev;
    for (size_t i = 0; i < messages->count; i++)
        if (messages->items[i].rev > rev)
            rev = messages->items[i].rev;
    return rev;
}

/* Five hundred of the largest messages that there can be would be too much: then the join is refused. */
static void answer_join(struct call *call, const struct buffer *text)
{
    if (!text->full) {
        answer_text(call, "ok", text);
        return;
    }
    call->answer->joined = false;
    channel_refuse(call->scope->arena, call->answer, "unavailable");
}

static void join(struct call *call)
{
    struct errors errors = { 0 };
    struct cursor cursor;
    struct room room;
    struct messages messages = { 0 };
    bool reset = false;
    struct text name;
    if (!read_cursor(call, &cursor) || !payload_text(call, "name", &name))
        return;
    enum outcome outcome = room_find(call->scope, call->name, &room);
    if (outcome == DONE)
        outcome = catch_up(call, &room, &cursor, &messages, &reset);
    if (outcome != DONE) {
        refuse(call, outcome, &errors);
        return;
    }
    struct channel_answer *out = call->answer;
    out->joined = true;
    out->room_id = room.id;
    out->rev = reached(&room, &messages);
    out->epoch = room.epoch;
    out->user_id = call->scope->user_id;
    out->name = presence_name(call->scope, name);
    struct buffer text = buffer_new(JOIN_MAX);
    buffer_printf(&text, "{\"rev\":%lld,\"epoch\":", (long long)out->rev);
    json_text_string(&text, out->epoch);
    buffer_string(&text, ",\"messages\":[");
    add_messages(call, &messages, &text);
    buffer_string(&text, reset ? "],\"reset\":true}" : "],\"reset\":false}");
    answer_join(call, &text);
    buffer_free(&text);
}

/* --- new_message --- */

static bool read_new(struct call *call, struct message_new *out)
{
    if (!payload_text(call, "message", &out->message) || !payload_text(call, "name", &out->name) ||
        !payload_text(call, "client_id", &out->client_id))
        return false;
    if (!out->client_id.len)
        out->client_id = call->asked->client_id;
    return true;
}

static void answer_posting(struct call *call, const struct posting *posting, struct buffer *text)
{
    if (posting->outcome != DONE) {
        refuse(call, posting->outcome, &posting->errors);
        return;
    }
    const struct scope *scope = call->scope;
    buffer_clear(text);
    buffer_string(text, "{\"message\":");
    if (!present_message(scope->config, call->view, scope->arena, &posting->message, text)) {
        buffer_clear(text);
        buffer_string(text, "{\"message\":null");
    }
    buffer_char(text, '}');
    answer_text(call, "ok", text);
}

static void answer_postings(struct call *const *callers, const struct posting *postings, size_t count)
{
    struct buffer text = buffer_new(RESPONSE_MAX);
    buffer_expect(&text, MESSAGE_USUAL);
    for (size_t i = 0; i < count; i++)
        answer_posting(callers[i], &postings[i], &text);
    buffer_free(&text);
}

static void new_messages(struct call *calls, size_t count)
{
    struct arena *arena = calls[0].scope->arena;
    struct posting *postings = arena_array(arena, count, sizeof *postings);
    struct call **callers = arena_array(arena, count, sizeof(struct call *));
    size_t read = 0;
    for (size_t i = 0; i < count; i++) {
        postings[read].scope = calls[i].scope;
        if (read_new(&calls[i], &postings[read].new))
            callers[read++] = &calls[i];
    }
    message_post_many(calls[0].asked->room_id, postings, read);
    answer_postings(callers, postings, read);
}

/* --- typing --- */

/* Nothing is stored, and whether it reached anybody is nobody's business. */
static void typing(struct call *call)
{
    const struct channel_call *asked = call->asked;
    if (asked->page.len && presence_typing(call->scope, asked->room_id, asked->page) != DONE)
        answer(call, "error", channel_reason("unavailable"));
    else
        answer(call, "ok", json_object());
}

/* --- THE table --- */

struct topic_event {
    const char *event;
    unsigned needs;                                /* bits of chat/needs.h */
    bool outside;                                  /* of those who have not joined */
    void (*alone)(struct call *);                  /* one of these two */
    void (*together)(struct call *, size_t count); /* calls in one room that came together */
};

static const struct topic_event room_events[] = {
    { "phx_join", NEEDS_NOTHING, true, join, NULL },
    { "new_message", NEEDS_WRITER, false, NULL, new_messages },
    { "typing", NEEDS_WRITER, false, typing, NULL },
};

static const struct topic {
    const char *prefix;
    const struct topic_event *events;
    size_t count;
} topics[] = {
    { "room:", room_events, sizeof room_events / sizeof room_events[0] },
};

static const struct topic *find_topic(struct text topic)
{
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
        if (text_starts(topic, topics[i].prefix))
            return &topics[i];
    return NULL;
}

static const struct topic_event *find_event(const struct topic *topic, struct text event)
{
    for (size_t i = 0; i < topic->count; i++)
        if (text_is(event, topic->events[i].event))
            return &topic->events[i];
    return NULL;
}

bool channel_topic_known(struct text topic)
{
    return find_topic(topic) != NULL;
}

static const struct topic_event *row_of(struct text topic, struct text event)
{
    const struct topic *found = find_topic(topic);
    must(found != NULL);
    return find_event(found, event);
}

bool channel_event_known(struct text topic, struct text event)
{
    const struct topic_event *row = row_of(topic, event);
    return row && !row->outside;
}

bool channel_event_together(struct text topic, struct text event)
{
    const struct topic_event *row = row_of(topic, event);
    return row && row->together;
}

void channel_call(const struct view *view, const struct channel_item *items, size_t count)
{
    if (!count)
        return;
    const struct channel_call *first = items[0].asked;
    const struct topic_event *row = row_of(first->topic, first->event);
    size_t prefix = strlen(find_topic(first->topic)->prefix);
    struct call *calls = arena_array(items[0].scope->arena, count, sizeof *calls);
    must(row && (row->outside || first->room_id) && (count == 1 || row->together));
    size_t allowed = 0;
    for (size_t i = 0; i < count; i++) {
        struct text topic = items[i].asked->topic;
        *items[i].answer = (struct channel_answer){ .status = "error" };
        calls[allowed] = (struct call){ .scope = items[i].scope,
                                        .view = view,
                                        .asked = items[i].asked,
                                        .name = { topic.at + prefix, topic.len - prefix },
                                        .answer = items[i].answer };
        if (needs_judge(items[i].scope, row->needs) == ALLOWED)
            allowed++;
        else
            refuse(&calls[allowed], DENIED, &(struct errors){ 0 });
    }
    if (allowed && row->together)
        row->together(calls, allowed);
    else if (allowed)
        row->alone(calls);
}

static const char *event_name(const struct message *message)
{
    if (message->deleted)
        return "message_deleted";
    return message->rev == message->seq ? "new_message" : "message_edited";
}

bool channel_event(const struct scope *scope, const struct view *view, struct text topic, const struct message *message,
                   struct buffer *out)
{
    frame_broadcast_head(out, topic, event_name(message));
    if (!present_message(scope->config, view, scope->arena, message, out))
        return false;
    buffer_char(out, ']');
    return !out->full;
}
