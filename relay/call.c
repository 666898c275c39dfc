#include "relay/call.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/must.h"
#include "chat/scope.h"
#include "relay/admit.h"
#include "relay/broadcast.h"
#include "relay/peer.h"
#include "relay/phoenix.h"
#include "relay/pool.h"
#include "relay/relay.h"

/* 500 messages with their html are far below it, unless they are made to be large: then the join is refused. */
enum { REPLY_MAX = 64 * 1024 * 1024, HEAD_USUAL = 200, BATCH_MAX = 128, BUCKETS = 64 };

/* The calls that wait for one room. It is there as long as some wait or a batch is out. */
struct waiting {
    struct waiting *next_of_id; /* of the same bucket */
    struct waiting *next_due;
    int64_t room_id;
    struct call *first, **end;
    bool out, due;
};

struct calls {
    struct waiting *by_id[BUCKETS];
    struct waiting *due;
};

/* One call, or a batch. */
struct call_job {
    struct job job;
    struct relay *relay;
    struct call **calls;
    size_t count;
    struct waiting *waiting; /* of a batch */
};

struct calls *calls_new(void)
{
    struct calls *calls = calloc(1, sizeof *calls);
    must(calls != NULL);
    return calls;
}

void message_in_free(struct message_in *in)
{
    frame_free(&in->frame);
    free(in);
}

struct call *call_new(struct peer *peer, struct message_in *in, int64_t room_id, json_t *join_ref)
{
    struct call *call = calloc(1, sizeof *call);
    must(call != NULL);
    call->peer = peer;
    call->in = in;
    call->asked = (struct channel_call){
        .topic = in->frame.topic, .event = in->frame.event, .payload = in->frame.payload, .room_id = room_id
    };
    call->join_ref = json_incref(join_ref);
    peer->busy++;
    return call;
}

static void call_free(struct call *call)
{
    message_in_free(call->in);
    json_decref(call->join_ref);
    json_decref(call->replaced);
    broadcast_release(&call->reply);
    free(call);
}

/* --- on the worker --- */

/* The whole reply is written on the worker. A reply that became too large is an error instead. */
static void write_reply(struct call *call, struct buffer *text)
{
    const struct frame *frame = &call->in->frame;
    struct channel_answer *answer = &call->answer;
    buffer_clear(text);
    buffer_expect(text, answer->response.len + HEAD_USUAL);
    frame_reply_text(text, answer->unmatched ? NULL : call->join_ref, frame->ref, frame->topic, answer->status,
                     answer->response);
    if (text->full) {
        json_t *reason = channel_reason("unavailable");
        buffer_clear(text);
        frame_reply(text, call->join_ref, frame->ref, frame->topic, "error", reason);
        json_decref(reason);
        answer->joined = false;
    }
    call->reply = broadcast_frame(OPCODE_TEXT, buffer_view(text), 0);
}

static void call_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct call_job *batch = (struct call_job *)job;
    struct scope *scopes = arena_array(job->arena, batch->count, sizeof *scopes);
    struct channel_item *items = arena_array(job->arena, batch->count, sizeof *items);
    bool *admitted = arena_array(job->arena, batch->count, sizeof *admitted);
    size_t count = 0;
    admit_calls(scope, batch->calls, batch->count, scopes, admitted);
    for (size_t i = 0; i < batch->count; i++)
        if (admitted[i])
            items[count++] = (struct channel_item){ &scopes[i], &batch->calls[i]->asked, &batch->calls[i]->answer };
    channel_call(view, items, count);
    struct buffer text = buffer_new(REPLY_MAX);
    for (size_t i = 0; i < batch->count; i++) {
        admit_joined(scope, batch->calls[i]);
        write_reply(batch->calls[i], &text);
    }
    buffer_free(&text);
}

/* --- out and back --- */

static void make_due(struct calls *calls, struct waiting *waiting)
{
    if (waiting->due || waiting->out || !waiting->first)
        return;
    waiting->due = true;
    waiting->next_due = calls->due;
    calls->due = waiting;
}

static void forget(struct calls *calls, struct waiting *waiting)
{
    struct waiting **at = &calls->by_id[(uint64_t)waiting->room_id % BUCKETS];
    while (*at != waiting)
        at = &(*at)->next_of_id;
    *at = waiting->next_of_id;
    free(waiting);
}

static void call_done(struct job *job)
{
    struct call_job *batch = (struct call_job *)job;
    struct calls *calls = batch->relay->calls;
    for (size_t i = 0; i < batch->count; i++) {
        phoenix_answered(batch->calls[i]);
        call_free(batch->calls[i]);
    }
    if (!batch->waiting)
        return;
    batch->waiting->out = false;
    if (batch->waiting->first)
        make_due(calls, batch->waiting);
    else
        forget(calls, batch->waiting);
}

static void submit(struct relay *relay, struct call *first, size_t count, struct waiting *waiting)
{
    struct call_job *batch = job_new(sizeof *batch, call_work, call_done);
    batch->relay = relay;
    batch->waiting = waiting;
    batch->calls = arena_array(batch->job.arena, count, sizeof(struct call *));
    for (struct call *call = first; batch->count < count; call = call->next)
        batch->calls[batch->count++] = call;
    if (waiting)
        pool_submit_urgent(relay->pool, &batch->job);
    else
        pool_submit(relay->pool, &batch->job);
}

static struct waiting *waiting_of(struct calls *calls, int64_t room_id)
{
    struct waiting **bucket = &calls->by_id[(uint64_t)room_id % BUCKETS], *waiting = *bucket;
    while (waiting && waiting->room_id != room_id)
        waiting = waiting->next_of_id;
    if (waiting)
        return waiting;
    waiting = calloc(1, sizeof *waiting);
    must(waiting != NULL);
    waiting->room_id = room_id;
    waiting->end = &waiting->first;
    waiting->next_of_id = *bucket;
    *bucket = waiting;
    return waiting;
}

void call_submit(struct call *call)
{
    struct relay *relay = call->peer->relay;
    if (!channel_event_together(call->asked.topic, call->asked.event)) {
        submit(relay, call, 1, NULL);
        return;
    }
    struct waiting *waiting = waiting_of(relay->calls, call->asked.room_id);
    call->next = NULL;
    *waiting->end = call;
    waiting->end = &call->next;
    make_due(relay->calls, waiting);
}

static void send_off(struct relay *relay, struct waiting *waiting)
{
    struct call *first = waiting->first, *after = first;
    size_t count = 0;
    for (; after && count < BATCH_MAX; after = after->next)
        count++;
    waiting->first = after;
    if (!after)
        waiting->end = &waiting->first;
    waiting->out = true;
    submit(relay, first, count, waiting);
}

void call_turn(struct relay *relay)
{
    struct calls *calls = relay->calls;
    while (calls->due) {
        struct waiting *waiting = calls->due;
        calls->due = waiting->next_due;
        waiting->due = false;
        send_off(relay, waiting);
    }
}

void calls_free(struct calls **calls)
{
    if (!*calls)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        must((*calls)->by_id[i] == NULL);
    free(*calls);
    *calls = NULL;
}
