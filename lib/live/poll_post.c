/* Doing what a POST says. The rules of joins and leaves are those of relay/phoenix.c (WIRE-PROTOCOL 3.1); what a join
 * that ends is told, the GET says that folds it. */
#include "live/poll.h"

#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "chat/scope.h"
#include "db/db.h"
#include "live/channel.h"
#include "live/frame.h"
#include "live/mailbox.h"
#include "live/poll_body.h"
#include "web/secret.h"

/* Replies are put into the mailbox together, but no more than so many bytes at once. */
enum { PORTION_BYTES = 1024 * 1024 };

struct post {
    const struct scope *scope;
    const struct view *view;
    struct cursor cursor; /* what is joined, as far as it can be known here */
    struct poll_body body;
    struct text *refs; /* of each message; empty for null */
    bool *answered;
    struct letter *letters; /* not in the mailbox yet */
    size_t letter_count, bytes, total_bytes;
    enum outcome outcome;
};

static struct text json_text(const json_t *json)
{
    return json_is_string(json) ? (struct text){ json_string_value(json), json_string_length(json) }
                                : (struct text){ NULL, 0 };
}

/* --- replies --- */

static void put_letters(struct post *post)
{
    if (post->outcome == DONE)
        post->outcome = mailbox_put(post->scope, post->cursor.sid, post->letters, post->letter_count);
    post->letter_count = 0;
    post->bytes = 0;
}

/* Takes what the buffer holds. The fact is folded into what this POST knows at once. */
static void add_letter(struct post *post, const struct frame *frame, struct buffer *frames, struct letter letter)
{
    must(!frames->full);
    letter.ref = json_text(frame->ref);
    letter.frames = text_copy(post->scope->arena, buffer_view(frames));
    buffer_free(frames);
    mailbox_fold(post->scope->arena, &post->cursor, &letter);
    post->letters[post->letter_count++] = letter;
    post->bytes += letter.frames.len;
    post->total_bytes += letter.frames.len;
    if (post->bytes > PORTION_BYTES)
        put_letters(post);
}

static void reply(struct post *post, const struct frame *frame, const json_t *join_ref, const char *status,
                  struct text response, struct letter letter)
{
    struct buffer frames = buffer_new(MAILBOX_LETTER_MAX);
    frame_reply_text(&frames, join_ref, frame->ref, frame->topic, status, response);
    add_letter(post, frame, &frames, letter);
}

static void refuse(struct post *post, const struct frame *frame, const json_t *join_ref, const char *reason)
{
    struct channel_answer answer;
    channel_refuse(post->scope->arena, &answer, reason);
    reply(post, frame, join_ref, answer.status, answer.response, (struct letter){ .fact = LETTER_PLAIN });
}

/* The client believes that it is joined: behind the reply it is told to join anew. Takes the buffer. */
static void add_error(struct post *post, const struct frame *frame, const json_t *join_ref, struct buffer *frames)
{
    json_t *reason = channel_reason("channel_crash");
    buffer_char(frames, '\n');
    frame_push(frames, join_ref, join_ref, frame->topic, "phx_error", reason);
    json_decref(reason);
    add_letter(post, frame, frames, (struct letter){ .fact = LETTER_PLAIN });
}

static void refuse_unjoined(struct post *post, const struct frame *frame)
{
    if (!json_is_string(frame->join_ref)) {
        refuse(post, frame, NULL, "unmatched topic");
        return;
    }
    struct buffer frames = buffer_new(MAILBOX_LETTER_MAX);
    json_t *reason = channel_reason("unmatched topic");
    frame_reply(&frames, NULL, frame->ref, frame->topic, "error", reason);
    json_decref(reason);
    add_error(post, frame, frame->join_ref, &frames);
}

/* Too long a reply is an error instead; then nothing is joined. */
static bool fits(const struct channel_answer *answer, const struct frame *frame)
{
    const size_t head = 1024;
    return answer->response.len + frame->topic.len * 6 + head <= MAILBOX_LETTER_MAX;
}

/* --- messages --- */

/* A name that can stand in a cursor: no other can be joined. */
static bool is_name(struct text topic)
{
    return topic.len && topic.len <= CURSOR_TOPIC_MAX && !text_has_nul(topic) && channel_topic_known(topic);
}

static bool same_join(const struct frame *frame, const struct cursor_topic *topic)
{
    struct text join_ref = json_text(frame->join_ref);
    return !join_ref.at || (topic->join_ref.at && text_equal(join_ref, topic->join_ref));
}

/* The join refused what it replaces has ended as well, so the fact stands also without a room. */
static void join(struct post *post, const struct frame *frame)
{
    struct arena *arena = post->scope->arena;
    struct channel_call asked = { .topic = frame->topic, .event = frame->event, .payload = frame->payload };
    struct channel_answer answer;
    struct letter letter = { .fact = LETTER_JOINED };
    letter.topic.topic = text_copy(arena, frame->topic);
    letter.topic.join_ref = json_text(frame->join_ref);
    if (!cursor_fits(&post->cursor, frame->topic, letter.topic.join_ref)) {
        refuse(post, frame, frame->join_ref, "too many channels joined");
        return;
    }
    if (post->total_bytes > MAILBOX_BYTES_MAX) {
        refuse(post, frame, frame->join_ref, "unavailable");
        return;
    }
    channel_call(post->view, &(struct channel_item){ post->scope, &asked, &answer }, 1);
    if (!fits(&answer, frame)) {
        answer.joined = false;
        channel_refuse(arena, &answer, "unavailable");
    }
    if (answer.joined) {
        letter.topic.room_id = answer.room_id;
        letter.topic.rev = answer.rev;
    }
    reply(post, frame, answer.unmatched ? NULL : frame->join_ref, answer.status, answer.response, letter);
}

/* The fact stands also where this POST knows of no join: it may know less than the GET that reads it. */
static void leave(struct post *post, const struct frame *frame)
{
    const struct cursor_topic *topic = cursor_find(&post->cursor, frame->topic);
    struct letter letter = { .fact = LETTER_PLAIN };
    if (topic && !same_join(frame, topic)) /* it leaves what was replaced: that has ended already */
        return;
    if (is_name(frame->topic)) {
        letter.fact = LETTER_LEFT;
        letter.topic.topic = text_copy(post->scope->arena, frame->topic);
        letter.topic.join_ref = topic ? topic->join_ref : json_text(frame->join_ref);
    }
    json_t *join_ref = letter.topic.join_ref.at ? json_stringn(letter.topic.join_ref.at, letter.topic.join_ref.len)
                                                : json_incref((json_t *)frame->join_ref);
    reply(post, frame, join_ref, "ok", TEXT("{}"), letter);
    json_decref(join_ref);
}

/* --- events of joined topics --- */

/* The same for the same message of the same mailbox, whoever does it. */
static struct text made_client_id(const struct post *post, struct text ref)
{
    unsigned char mac[SECRET_BYTES];
    struct arena *arena = post->scope->arena;
    if (!ref.len)
        return TEXT("");
    const char *name = arena_printf(arena, "%s %.*s", post->cursor.sid, TEXT_ARGS(ref));
    secret_mac(&post->scope->config->keys[0], "live poll client id", name, strlen(name), mac);
    return text_base64url(arena, mac, sizeof mac);
}

static void answer_push(struct post *post, const struct frame *frame, const json_t *join_ref,
                        struct channel_answer *answer)
{
    if (!fits(answer, frame))
        channel_refuse(post->scope->arena, answer, "unavailable");
    if (!answer->unmatched) {
        reply(post, frame, join_ref, answer->status, answer->response, (struct letter){ .fact = LETTER_PLAIN });
        return;
    }
    struct buffer frames = buffer_new(MAILBOX_LETTER_MAX);
    frame_reply_text(&frames, NULL, frame->ref, frame->topic, answer->status, answer->response);
    add_error(post, frame, join_ref, &frames);
}

static void call(struct post *post, const struct cursor_topic *topic, size_t first, size_t count)
{
    struct arena *arena = post->scope->arena;
    struct channel_item *items = arena_array(arena, count, sizeof *items);
    struct channel_call *asked = arena_array(arena, count, sizeof *asked);
    struct channel_answer *answers = arena_array(arena, count, sizeof *answers);
    json_t *join_ref = topic->join_ref.at ? json_stringn(topic->join_ref.at, topic->join_ref.len) : json_null();
    for (size_t i = 0; i < count; i++) {
        const struct frame *frame = &post->body.frames[first + i];
        asked[i] = (struct channel_call){ .topic = frame->topic,
                                          .event = frame->event,
                                          .payload = frame->payload,
                                          .room_id = topic->room_id,
                                          .client_id = made_client_id(post, post->refs[first + i]) };
        items[i] = (struct channel_item){ post->scope, &asked[i], &answers[i] };
    }
    channel_call(post->view, items, count);
    for (size_t i = 0; i < count; i++)
        answer_push(post, &post->body.frames[first + i], join_ref, &answers[i]);
    json_decref(join_ref);
}

/* How many from there are to be done together. */
static size_t run_of(const struct post *post, const struct cursor_topic *topic, size_t first)
{
    const struct frame *frame = &post->body.frames[first];
    size_t count = 1;
    if (!channel_event_together(frame->topic, frame->event))
        return 1;
    for (size_t i = first + 1; i < post->body.count && !post->answered[i]; i++, count++) {
        const struct frame *next = &post->body.frames[i];
        if (!text_equal(next->topic, frame->topic) || !text_equal(next->event, frame->event) || !same_join(next, topic))
            break;
    }
    return count;
}

/* How many messages were taken. */
static size_t push(struct post *post, size_t first)
{
    const struct frame *frame = &post->body.frames[first];
    const struct cursor_topic *topic = cursor_find(&post->cursor, frame->topic);
    if (!topic) {
        refuse_unjoined(post, frame);
    } else if (same_join(frame, topic)) { /* else the join it belongs to is over: dropped */
        if (channel_event_known(frame->topic, frame->event)) {
            size_t count = run_of(post, topic, first);
            call(post, topic, first, count);
            return count;
        }
        json_t *join_ref = topic->join_ref.at ? json_stringn(topic->join_ref.at, topic->join_ref.len) : json_null();
        refuse(post, frame, join_ref, "unknown event");
        json_decref(join_ref);
    }
    return 1;
}

static size_t handle(struct post *post, size_t at)
{
    const struct frame *frame = &post->body.frames[at];
    if (text_is(frame->topic, "phoenix") && text_is(frame->event, "heartbeat"))
        reply(post, frame, NULL, "ok", TEXT("{}"), (struct letter){ .fact = LETTER_PLAIN });
    else if (text_is(frame->event, "phx_leave"))
        leave(post, frame);
    else if (!channel_topic_known(frame->topic))
        refuse_unjoined(post, frame);
    else if (!text_is(frame->event, "phx_join"))
        return push(post, at);
    else if (is_name(frame->topic))
        join(post, frame);
    else
        refuse(post, frame, NULL, "unmatched topic");
    return 1;
}

/* --- before and after --- */

/* Two of one ref in one body: the second is a repetition as well. */
static enum outcome find_answered(struct post *post)
{
    size_t count = post->body.count;
    post->refs = arena_array(post->scope->arena, count, sizeof *post->refs);
    post->answered = arena_array(post->scope->arena, count, sizeof *post->answered);
    for (size_t i = 0; i < count; i++)
        post->refs[i] = json_text(post->body.frames[i].ref);
    enum outcome outcome = mailbox_answered(post->scope, post->cursor.sid, post->refs, count, post->answered);
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i && post->refs[i].len && !post->answered[i]; j++)
            post->answered[i] = text_equal(post->refs[i], post->refs[j]);
    return outcome;
}

/* What is joined: the cursor's topics, and what lies in the mailbox behind its position. A room's id is worth nothing
 * in another database. */
static enum outcome find_joined(struct post *post)
{
    struct letters letters;
    const char *epoch = db_epoch(post->scope->db, post->scope->arena);
    if (!epoch)
        return BROKEN;
    if (strcmp(epoch, post->cursor.epoch) != 0)
        post->cursor.count = 0, post->cursor.position = 0;
    enum outcome outcome = mailbox_facts(post->scope, post->cursor.sid, post->cursor.position, &letters);
    for (size_t i = 0; outcome == DONE && i < letters.count; i++)
        mailbox_fold(post->scope->arena, &post->cursor, &letters.items[i]);
    return outcome;
}

enum outcome poll_post(const struct scope *scope, const struct view *view, const struct cursor *cursor,
                       struct text body)
{
    struct post post = { .scope = scope, .view = view, .cursor = cursor_copy(scope->arena, cursor) };
    if (!poll_body_parse(scope->arena, body, &post.body))
        return INVALID;
    if (!post.body.count)
        return DONE;
    post.letters = arena_array(scope->arena, post.body.count, sizeof *post.letters);
    post.outcome = find_joined(&post);
    if (post.outcome == DONE)
        post.outcome = find_answered(&post);
    for (size_t i = 0; post.outcome == DONE && i < post.body.count;)
        i += post.answered[i] ? 1 : handle(&post, i);
    put_letters(&post);
    if (post.outcome == DONE)
        mailbox_ring(scope, post.cursor.sid);
    return post.outcome;
}
