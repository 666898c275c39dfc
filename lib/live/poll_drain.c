/* Answering a GET. */
#include "live/poll.h"

#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/must.h"
#include "chat/message.h"
#include "chat/room.h"
#include "chat/scope.h"
#include "db/db.h"
#include "live/channel.h"
#include "live/frame.h"
#include "live/mailbox.h"
#include "live/poll_presence.h"
#include "web/json_text.h"

/* Of one answer's rooms: so many messages, and no more after so many bytes. */
enum { ROOMS_MOST = 100, ROOMS_BYTES = 512 * 1024, EVENT_BYTES_MAX = 4 * 1024 * 1024, END_MAX = 4096, TRIES = 3 };

enum outcome poll_open(const struct scope *scope, struct cursor *out)
{
    const char *epoch = db_epoch(scope->db, scope->arena);
    if (!epoch)
        return BROKEN;
    *out = cursor_new(epoch);
    return DONE;
}

static void release(void *messages)
{
    buffer_free(messages);
}

struct poll *poll_new(struct arena *arena, const struct cursor *cursor)
{
    struct poll *poll = arena_alloc(arena, sizeof *poll);
    *poll = (struct poll){ .arena = arena,
                           .cursor = cursor_copy(arena, cursor),
                           .messages = buffer_new(POLL_ANSWER_MAX - 2 * CURSOR_TOKEN_MAX) };
    arena_own(arena, &poll->messages, release);
    return poll;
}

/* --- adding --- */

bool poll_add(struct poll *poll, struct text frame)
{
    size_t before = poll->messages.len;
    if (poll->count)
        buffer_char(&poll->messages, ',');
    json_text_string(&poll->messages, frame);
    if (poll->messages.full) {
        poll->messages.len = before;
        poll->messages.full = false;
        return false;
    }
    poll->count++;
    return true;
}

static json_t *ref_json(struct text ref)
{
    return ref.at ? json_stringn(ref.at, ref.len) : json_null();
}

/* One that cannot be added is no loss: the client is told the same when it uses the topic next. */
static void say(struct poll *poll, const struct cursor_topic *topic, bool with_ref, const char *event,
                const json_t *payload)
{
    struct buffer text = buffer_new(END_MAX);
    json_t *join_ref = ref_json(topic->join_ref);
    frame_push(&text, join_ref, with_ref ? join_ref : NULL, topic->topic, event, payload);
    if (text.full || !poll_add(poll, buffer_view(&text)))
        log_event(LOG_ERROR, "poll answer full", LOG_S("event", event));
    json_decref(join_ref);
    buffer_free(&text);
}

/* phx_close and phx_error carry the join_ref as their ref too. */
static void say_end(struct poll *poll, const struct cursor_topic *topic, const char *event)
{
    json_t *payload = strcmp(event, "phx_error") == 0 ? channel_reason("channel_crash") : json_object();
    say(poll, topic, true, event, payload);
    json_decref(payload);
}

void poll_tell(struct poll *poll, const char *event, const json_t *payload)
{
    for (size_t i = 0; i < poll->cursor.count; i++)
        say(poll, &poll->cursor.topics[i], false, event, payload);
}

/* --- the mailbox --- */

static bool add_lines(struct poll *poll, struct text lines)
{
    size_t len = poll->messages.len, count = poll->count;
    while (lines.len)
        if (!poll_add(poll, text_split(&lines, '\n'))) {
            poll->messages.len = len;
            poll->count = count;
            return false;
        }
    return true;
}

static void fold(struct poll *poll, const struct letter *letter)
{
    struct folded folded = mailbox_fold(poll->arena, &poll->cursor, letter);
    struct cursor_topic closed = { .topic = letter->topic.topic, .join_ref = folded.closed_ref };
    if (folded.closed)
        say_end(poll, &closed, "phx_close");
    if (folded.refused)
        say_end(poll, &letter->topic, "phx_error");
}

static enum outcome add_letters(const struct scope *scope, struct poll *poll)
{
    struct letters letters;
    size_t bytes = 0;
    enum outcome outcome = mailbox_after(scope, poll->cursor.sid, poll->cursor.position, &letters);
    if (outcome != DONE)
        return outcome;
    for (size_t i = 0; i < letters.count; i++) {
        if (!add_lines(poll, letters.items[i].frames)) {
            poll->more = true;
            return DONE;
        }
        fold(poll, &letters.items[i]);
        bytes += letters.items[i].bytes;
    }
    poll->more = letters.count >= MAILBOX_READ_MOST || bytes >= MAILBOX_READ_BYTES;
    return DONE;
}

/* --- rooms --- */

/* Where a message cannot be shown (which is logged), its place is passed over, as for everybody else. False: there is
 * no more room in the answer. */
static bool add_message(const struct scope *scope, const struct view *view, struct poll *poll,
                        struct cursor_topic *topic, const struct message *message)
{
    struct buffer text = buffer_new(EVENT_BYTES_MAX);
    bool added = !channel_event(scope, view, topic->topic, message, &text) || poll_add(poll, buffer_view(&text));
    if (added)
        topic->rev = message->rev;
    buffer_free(&text);
    return added;
}

/* Counters become visible in order, and `moved` was read before the messages: whoever has them all is as far. */
static enum outcome add_room(const struct scope *scope, const struct view *view, struct poll *poll,
                             struct cursor_topic *topic, int64_t moved, size_t most, size_t end)
{
    struct messages messages;
    enum outcome outcome = message_changed(scope, topic->room_id, topic->rev, (int)most, &messages);
    if (outcome != DONE)
        return outcome;
    size_t i = 0;
    while (i < messages.count && poll->messages.len < end && add_message(scope, view, poll, topic, &messages.items[i]))
        i++;
    if (i == messages.count && messages.count < most && topic->rev < moved)
        topic->rev = moved;
    poll->more |= topic->rev < moved;
    return DONE;
}

static const struct room_mark *find_mark(const struct room_mark *marks, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (marks[i].id == id)
            return &marks[i];
    return NULL;
}

static enum outcome read_marks(const struct scope *scope, const struct cursor *cursor, struct room_mark **marks,
                               size_t *count)
{
    int64_t *ids = arena_array(scope->arena, cursor->count, sizeof *ids);
    for (size_t i = 0; i < cursor->count; i++)
        ids[i] = cursor->topics[i].room_id;
    return room_moved(scope, ids, cursor->count, marks, count);
}

/* Topics whose room is gone, or went back in time, end. How many of the others have moved. */
static size_t end_topics(struct poll *poll, const struct room_mark *marks, size_t count)
{
    size_t moved = 0;
    for (size_t i = poll->cursor.count; i-- > 0;) {
        struct cursor_topic *topic = &poll->cursor.topics[i];
        const struct room_mark *mark = find_mark(marks, count, topic->room_id);
        if (mark && mark->rev >= topic->rev) {
            moved += mark->rev > topic->rev;
            continue;
        }
        say_end(poll, topic, mark ? "phx_error" : "phx_close");
        cursor_leave(&poll->cursor, topic);
    }
    return moved;
}

/* Each room that moved has its share of the answer, so that a busy one holds up no other. */
static enum outcome add_rooms(const struct scope *scope, const struct view *view, struct poll *poll)
{
    _Static_assert((int)ROOMS_MOST >= (int)CHANNEL_JOINS_MAX, "each room can have one message at least");
    struct room_mark *marks;
    size_t count, left = ROOMS_MOST, end = poll->messages.len + ROOMS_BYTES;
    if (!poll->cursor.count)
        return DONE;
    enum outcome outcome = read_marks(scope, &poll->cursor, &marks, &count);
    size_t moved = outcome == DONE ? end_topics(poll, marks, count) : 0;
    for (size_t i = 0; moved && outcome == DONE && i < poll->cursor.count; i++) {
        struct cursor_topic *topic = &poll->cursor.topics[i];
        const struct room_mark *mark = find_mark(marks, count, topic->room_id);
        size_t before = poll->count;
        if (mark->rev <= topic->rev)
            continue;
        outcome = add_room(scope, view, poll, topic, mark->rev, left / moved--, end);
        left -= poll->count - before;
    }
    return outcome;
}

/* --- draining --- */

/* The client knows how far it came, and joins anew with that. Numbers of another database mean nothing here. */
static void begin_anew(struct poll *poll, struct text epoch)
{
    for (size_t i = 0; i < poll->cursor.count; i++)
        say_end(poll, &poll->cursor.topics[i], "phx_error");
    poll->cursor.count = 0;
    poll->cursor.position = poll->cursor.events = 0;
    memcpy(poll->cursor.epoch, epoch.at, CURSOR_EPOCH_LEN);
}

/* What a poll was, to go back to. */
struct before {
    struct cursor cursor;
    size_t len, count;
    bool more;
};

static void go_back(struct poll *poll, const struct before *before)
{
    struct cursor_topic *topics = poll->cursor.topics;
    size_t size = poll->cursor.size; /* never becomes less */
    poll->cursor = before->cursor;
    poll->cursor.topics = topics;
    poll->cursor.size = size;
    if (before->cursor.count)
        memcpy(topics, before->cursor.topics, before->cursor.count * sizeof *topics);
    poll->messages.len = before->len;
    poll->count = before->count;
    poll->more = before->more;
}

/* All of it must be of one database: torn says that the connection was made anew on the way. */
static enum outcome drain(const struct scope *scope, const struct view *view, struct poll *poll, bool *torn)
{
    *torn = false;
    const char *now = db_epoch(scope->db, scope->arena);
    if (!now)
        return BROKEN;
    struct text epoch = text_copy(scope->arena, text_of(now));
    if (!text_is(epoch, poll->cursor.epoch))
        begin_anew(poll, epoch);
    bool joined = poll->cursor.count > 0;
    enum outcome outcome = add_letters(scope, poll);
    if (outcome == DONE && !poll->more)
        outcome = add_rooms(scope, view, poll);
    if (outcome != DONE)
        return outcome;
    if (!poll->more)
        poll_presence(scope, poll, joined);
    const char *after = db_epoch(scope->db, scope->arena);
    *torn = after && !text_is(epoch, after);
    return after && !*torn ? DONE : BROKEN;
}

/* Of the database that gave the positions: in another one the same numbers can be those of others. */
static enum outcome forget(const struct scope *scope, const struct poll *poll)
{
    const char *epoch = db_epoch(scope->db, scope->arena);
    if (!epoch)
        return BROKEN;
    if (!poll->cursor.position || strcmp(epoch, poll->cursor.epoch) != 0)
        return DONE;
    return mailbox_forget(scope, poll->cursor.sid, poll->cursor.position);
}

enum outcome poll_drain(const struct scope *scope, const struct view *view, struct poll *poll)
{
    struct before before = { cursor_copy(scope->arena, &poll->cursor), poll->messages.len, poll->count, poll->more };
    enum outcome outcome = poll->begun ? DONE : forget(scope, poll);
    if (outcome != DONE)
        return outcome;
    poll->begun = true;
    bool torn = true;
    for (int tries = 0; torn && tries < TRIES; tries++) {
        outcome = drain(scope, view, poll, &torn);
        if (outcome != DONE)
            go_back(poll, &before);
    }
    return outcome;
}

void poll_answer(struct buffer *out, int status, struct text token, const struct poll *poll)
{
    buffer_printf(out, "{\"status\":%d", status);
    if (token.len) {
        buffer_string(out, ",\"token\":\"");
        buffer_text(out, token);
        buffer_string(out, "\",\"messages\":[");
        if (poll)
            buffer_text(out, buffer_view(&poll->messages));
        buffer_char(out, ']');
    }
    buffer_char(out, '}');
}
