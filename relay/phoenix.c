#include "relay/phoenix.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/config.h"
#include "base/must.h"
#include "live/channel.h"
#include "live/frame.h"
#include "relay/broadcast.h"
#include "relay/call.h"
#include "relay/crowd.h"
#include "relay/ending.h"
#include "relay/held.h"
#include "relay/hub.h"
#include "relay/peer.h"
#include "relay/presence.h"
#include "relay/relay.h"
#include "relay/source.h"

enum { SAID_MAX = 64 * 1024 * 1024, FOLLOW_MAX = 32 };

/* --- saying --- */

static void send_text(struct peer *peer, const struct buffer *text)
{
    struct broadcast *broadcast = broadcast_frame(OPCODE_TEXT, buffer_view(text), 0);
    peer_send(peer, broadcast);
    broadcast_release(&broadcast);
}

static void say_reply(struct peer *peer, const struct frame *frame, const json_t *join_ref, const char *status,
                      json_t *response)
{
    struct buffer text = buffer_new(SAID_MAX);
    frame_reply(&text, join_ref, frame->ref, frame->topic, status, response);
    send_text(peer, &text);
    buffer_free(&text);
    json_decref(response);
}

/* phx_close and phx_error carry the join_ref as their ref too. */
static void say_end(struct peer *peer, struct text topic, const json_t *join_ref, const char *event, json_t *payload)
{
    struct buffer text = buffer_new(SAID_MAX);
    frame_push(&text, join_ref, join_ref, topic, event, payload);
    send_text(peer, &text);
    buffer_free(&text);
    json_decref(payload);
}

static void say_session_ended(const struct hub_member *member, const char *reason)
{
    struct buffer text = buffer_new(SAID_MAX);
    json_t *payload = channel_reason(reason);
    frame_push(&text, member->join_ref, NULL, hub_topic(member->room), "session_ended", payload);
    send_text(member->peer, &text);
    buffer_free(&text);
    json_decref(payload);
}

static json_t *error_payload(const char *event)
{
    return strcmp(event, "phx_error") == 0 ? channel_reason("channel_crash") : json_object();
}

/* --- what comes back from a worker --- */

/* The reply first, then what was held behind it. */
static void finish_join(struct call *call)
{
    struct peer *peer = call->peer;
    struct hub *hub = peer->relay->hub;
    const struct channel_answer *answer = &call->answer;
    struct text topic = call->in->frame.topic;
    if (call->replaced)
        say_end(peer, topic, call->replaced, "phx_close", json_object());
    bool joined = answer->joined && hub_accept(hub, call->joining, answer->room_id, answer->rev, answer->epoch);
    if (joined) {
        source_settle(peer->relay->source, call->joining->room);
        presence_came(peer->relay->presence, call->joining, answer);
        return;
    }
    hub_leave(hub, &call->joining, &peer->members);
    if (answer->joined)
        say_end(peer, topic, call->join_ref, "phx_error", error_payload("phx_error"));
}

void phoenix_answered(struct call *call)
{
    struct peer *peer = call->peer;
    if (--peer->busy == 0)
        peer->together = 0;
    if (peer->state == PEER_OPEN && call->ended) {
        phoenix_session_ended(peer, call->ended, call->reply);
        ending_session(peer->relay, peer->session, call->ended); /* and its other peers */
    } else if (peer->state == PEER_OPEN) {
        peer_send(peer, call->reply);
        if (call->joining)
            finish_join(call);
        else if (call->answer.unmatched)
            say_end(peer, call->in->frame.topic, call->join_ref, "phx_error", error_payload("phx_error"));
    }
    phoenix_settled(peer);
}

/* --- messages, each owned by its handler --- */

/* A second join of a topic ends the first at once: what is told to the room is held for the new one from here on. */
static void handle_join(struct peer *peer, struct message_in *in)
{
    struct hub *hub = peer->relay->hub;
    struct hub_member *old = hub_find(peer->members, in->frame.topic);
    if (!old && hub_count(peer->members) >= CHANNEL_JOINS_MAX) {
        say_reply(peer, &in->frame, in->frame.join_ref, "error", channel_reason("too many channels joined"));
        message_in_free(in);
        return;
    }
    struct hub_member *joining = hub_join(hub, in->frame.topic, peer, in->frame.join_ref, &peer->members);
    struct call *call = call_new(peer, in, 0, joining->join_ref);
    call->joining = joining;
    if (old) {
        call->replaced = json_incref(old->join_ref);
        presence_hand_over(old, joining);
        hub_leave(hub, &old, &peer->members);
    }
    call_submit(call);
}

static void handle_leave(struct peer *peer, struct message_in *in)
{
    struct frame *frame = &in->frame;
    struct hub_member *member = hub_find(peer->members, frame->topic);
    if (!member) {
        say_reply(peer, frame, frame->join_ref, "ok", json_object());
    } else if (json_is_null(frame->join_ref) || frame_same_ref(frame->join_ref, member->join_ref)) {
        say_reply(peer, frame, member->join_ref, "ok", json_object());
        say_end(peer, frame->topic, member->join_ref, "phx_close", json_object());
        hub_leave(peer->relay->hub, &member, &peer->members);
    } /* else it leaves what was replaced: that has ended already */
    message_in_free(in);
}

/* The client believes that it is joined: besides the error it is told to join anew (WIRE-PROTOCOL 3.1). */
static void refuse_unjoined(struct peer *peer, const struct frame *frame)
{
    say_reply(peer, frame, NULL, "error", channel_reason("unmatched topic"));
    if (json_is_string(frame->join_ref))
        say_end(peer, frame->topic, frame->join_ref, "phx_error", error_payload("phx_error"));
}

/* Typing comes with every key: most of it is not passed on. */
static bool passed_over(struct hub_member *member, const struct frame *frame)
{
    const struct peer *peer = member->peer;
    return text_is(frame->event, "typing") && !crowd_may_type(presence_crowds(peer->relay->presence), member);
}

static void call_member(const struct hub_member *member, struct message_in *in)
{
    struct peer *peer = member->peer;
    if (channel_event_together(in->frame.topic, in->frame.event))
        peer->together = member->room->id;
    struct call *call = call_new(peer, in, member->room->id, member->join_ref);
    if (member->page)
        presence_ref(peer->relay->presence, member->page, call->page);
    call->asked.page = text_of(call->page);
    call_submit(call);
}

static void handle_push(struct peer *peer, struct message_in *in)
{
    struct frame *frame = &in->frame;
    struct hub_member *member = hub_find(peer->members, frame->topic);
    if (member && (json_is_null(frame->join_ref) || frame_same_ref(frame->join_ref, member->join_ref))) {
        if (!channel_event_known(frame->topic, frame->event)) {
            say_reply(peer, frame, member->join_ref, "error", channel_reason("unknown event"));
        } else if (passed_over(member, frame)) {
            say_reply(peer, frame, member->join_ref, "ok", json_object());
        } else {
            call_member(member, in);
            return;
        }
    } else if (!member) {
        refuse_unjoined(peer, frame);
    } /* else the join it belongs to is over: dropped */
    message_in_free(in);
}

static void handle(struct peer *peer, struct message_in *in)
{
    const struct frame *frame = &in->frame;
    if (text_is(frame->event, "phx_leave")) {
        handle_leave(peer, in);
    } else if (!channel_topic_known(frame->topic)) {
        refuse_unjoined(peer, frame);
        message_in_free(in);
    } else if (text_is(frame->event, "phx_join")) {
        handle_join(peer, in);
    } else {
        handle_push(peer, in);
    }
}

/* --- the inbox --- */

static struct message_in *first(const struct peer *peer)
{
    return peer->inbox.last->next;
}

static struct message_in *take(struct peer *peer)
{
    struct message_in *in = first(peer);
    peer->inbox.last->next = in->next;
    if (--peer->inbox.count == 0)
        peer->inbox.last = NULL;
    peer->inbox.bytes -= in->bytes;
    return in;
}

static void put(struct peer *peer, struct message_in *in)
{
    struct message_in *last = peer->inbox.last;
    in->next = last ? last->next : in;
    if (last)
        last->next = in;
    peer->inbox.last = in;
    peer->inbox.count++;
    peer->inbox.bytes += in->bytes;
}

/* A post may follow posts of the same peer to the same room that are not answered yet: batches of a room are stored in
 * order. Everything else waits for the answers. */
static bool may_follow(const struct peer *peer, const struct frame *frame)
{
    const struct hub_member *member = peer->together ? hub_find(peer->members, frame->topic) : NULL;
    return member && !member_pending(member) && member->room->id == peer->together && peer->busy < FOLLOW_MAX &&
           channel_event_together(frame->topic, frame->event) &&
           (json_is_null(frame->join_ref) || frame_same_ref(frame->join_ref, member->join_ref));
}

/* A peer that does not take its answers gets no further ones made. */
static void go_on(struct peer *peer)
{
    while (peer->state == PEER_OPEN && peer->inbox.count && (!peer->busy || may_follow(peer, &first(peer)->frame)) &&
           peer->out.bytes <= (size_t)peer->relay->config->relay_peer_queue)
        handle(peer, take(peer));
    peer_update(peer);
}

void phoenix_resume(struct peer *peer)
{
    if (peer->inbox.count)
        go_on(peer);
}

void phoenix_settled(struct peer *peer)
{
    go_on(peer);
    peer_idle(peer);
    peer_settled(peer);
}

static bool answer_heartbeat(struct peer *peer, struct text text)
{
    char answer[FRAME_HEARTBEAT_SIZE];
    size_t len = frame_heartbeat(text, answer);
    if (!len)
        return false;
    struct broadcast *broadcast = broadcast_frame(OPCODE_TEXT, (struct text){ answer, len }, 0);
    peer_send(peer, broadcast);
    broadcast_release(&broadcast);
    return true;
}

static void text_came(void *context, struct text text)
{
    struct peer *peer = context;
    if (answer_heartbeat(peer, text))
        return;
    struct message_in *in = calloc(1, sizeof *in);
    must(in != NULL);
    in->bytes = (uint32_t)text.len;
    if (!frame_parse(text, &in->frame)) {
        free(in);
        peer_end(peer, 1008, "no Phoenix message");
        return;
    }
    if (text_is(in->frame.topic, "phoenix") && text_is(in->frame.event, "heartbeat")) {
        say_reply(peer, &in->frame, NULL, "ok", json_object());
        message_in_free(in);
        return;
    }
    put(peer, in);
    go_on(peer);
}

static bool may_ping(struct peer *peer)
{
    const int32_t each = 1000 / PEER_PINGS_PER_SECOND;
    const uint32_t now = (uint32_t)relay_now(peer->relay);
    if ((int32_t)(peer->pings_until - now) < 0)
        peer->pings_until = now;
    peer->pings_until += (uint32_t)each;
    return (int32_t)(peer->pings_until - now) <= each * PEER_PINGS_AT_ONCE;
}

static void ping_came(void *context, struct text payload)
{
    if (!may_ping(context)) {
        peer_end(context, 1008, "too many pings");
        return;
    }
    struct broadcast *pong = broadcast_frame(OPCODE_PONG, payload, 0);
    peer_send(context, pong);
    broadcast_release(&pong);
}

/* Answered with the client's own code (RFC 6455 5.5.1); what it may not send never comes here. */
static void close_came(void *context, int code)
{
    struct peer *peer = context;
    peer->goodbye = true;
    peer_end(peer, code ? code : 1000, "by client");
}

static void broken_rule(void *context, int code, const char *reason)
{
    peer_end(context, code, reason);
}

const struct websocket_events phoenix_events = {
    .text = text_came,
    .ping = ping_came,
    .close = close_came,
    .fail = broken_rule,
};

/* --- rooms --- */

static void tell(void *peer, struct broadcast *broadcast)
{
    peer_tell(peer, broadcast);
}

static void overflow(void *context)
{
    struct peer *peer = context;
    if (peer->held && peer->held->kind->overflow)
        peer->held->kind->overflow(peer);
    else
        peer_cut(peer, 1008, "queue full");
}

static void left(void *peer, struct hub_member *member)
{
    presence_went(((struct peer *)peer)->relay->presence, member);
}

struct hub *phoenix_hub_new(const struct relay *relay)
{
    static const struct hub_events events = { .send = tell, .overflow = overflow, .left = left };
    return hub_new(&events, (size_t)relay->config->relay_peer_queue);
}

void phoenix_session_ended(struct peer *peer, const char *reason, struct broadcast *reply)
{
    if (peer->held && peer->state < PEER_CLOSING && peer->held->kind->session_ended)
        peer->held->kind->session_ended(peer, reason);
    if (peer->state != PEER_OPEN)
        return;
    peer_drop(peer);
    if (reply)
        peer_send(peer, reply);
    for (const struct hub_member *member = peer->members; member; member = member->next_of_peer)
        if (!member_pending(member))
            say_session_ended(member, reason);
    peer_end(peer, 1001, "session ended");
}

void phoenix_gone(struct peer *peer)
{
    while (peer->members) {
        struct hub_member *member = peer->members;
        hub_leave(peer->relay->hub, &member, &peer->members);
    }
    while (peer->inbox.count)
        message_in_free(take(peer));
}

void phoenix_evict(struct relay *relay, struct hub_room *room, const char *event)
{
    hub_unsettle(relay->hub, room);
    for (struct hub_member *member = room->members, *next; member; member = next) {
        struct peer *peer = member->peer;
        next = member->next_in_room; /* with the last member the room goes, but then there is no next */
        if (member_pending(member))
            continue;
        if (!peer->held)
            say_end(peer, hub_topic(room), member->join_ref, event, error_payload(event));
        hub_leave(relay->hub, &member, &peer->members);
        if (peer->held && peer->held->kind->evicted)
            peer->held->kind->evicted(peer, strcmp(event, "phx_close") == 0);
    }
}
