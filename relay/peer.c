/* How a peer ends, in one place:
 * 1. peer_end queues a close frame; the state is CLOSING, nothing more is queued, what arrives is thrown away.
 * 2. When the queue is out, our half is shut down. The client answers with its close and its end: then, or after two
 *    seconds, the peer is DEAD. (Closing at once could destroy bytes on their way to a client that is still sending.)
 * 3. When the turn ends it leaves its rooms, and once DEAD and without a job it is freed. */
#include "relay/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "base/must.h"
#include "relay/addresses.h"
#include "relay/beat.h"
#include "relay/broadcast.h"
#include "relay/head.h"
#include "relay/held.h"
#include "relay/phoenix.h"
#include "relay/relay.h"
#include "relay/roster.h"
#include "relay/sessions.h"
#include "relay/watch.h"
#include "relay/welcome.h"

enum { READ_BYTES = 64 * 1024, INBOX_MAX = 64 };

static uint32_t now_of(const struct peer *peer)
{
    return (uint32_t)relay_now(peer->relay);
}

/* Milliseconds since then. */
static uint32_t ago(const struct peer *peer, uint32_t then)
{
    return now_of(peer) - then;
}

/* --- lists of the turn --- */

static void want_flush(struct peer *peer)
{
    if (peer->in_flush)
        return;
    peer->in_flush = true;
    peer_list_push(&peer->relay->flushing, peer);
}

static void want_end(struct peer *peer)
{
    if (peer->in_end)
        return;
    peer->in_end = true;
    peer_list_push(&peer->relay->ending, peer);
}

/* --- the queue --- */

static void queue(struct peer *peer, struct broadcast *broadcast)
{
    if (peer->out.count == 0)
        peer->stalled = now_of(peer);
    outbox_add(&peer->out, broadcast);
    want_flush(peer);
}

static bool send_queue(struct peer *peer)
{
    bool took, good = outbox_send(&peer->out, peer->fd, &took);
    if (took)
        peer->stalled = now_of(peer);
    return good;
}

void peer_send(struct peer *peer, struct broadcast *broadcast)
{
    if (peer->state < PEER_CLOSING)
        queue(peer, broadcast);
}

void peer_drop(struct peer *peer)
{
    outbox_cut(&peer->out);
}

/* --- ending --- */

static void watch_for(struct peer *peer, int events)
{
    watch_change(peer->relay->watch, peer->fd, peer, peer->watched, events);
    peer->watched = (uint8_t)events;
}

void peer_die(struct peer *peer)
{
    if (peer->state == PEER_DEAD)
        return;
    peer->state = PEER_DEAD;
    watch_for(peer, 0);
    want_end(peer);
}

static void begin_closing(struct peer *peer, int code, const char *reason)
{
    peer->state = PEER_CLOSING;
    peer->closing = now_of(peer);
    peer->code = (int16_t)code;
    peer->reason = reason;
    roster_look(peer->relay->roster, peer->fd, peer->closing);
    websocket_stop(&peer->socket);
    want_flush(peer);
    want_end(peer);
}

static void end(struct peer *peer, int code, const char *reason, bool cut)
{
    if (peer->state >= PEER_CLOSING)
        return;
    if (peer->state == PEER_HELD) {
        peer->held->kind->end(peer, code, reason);
        return;
    }
    if (peer->state != PEER_OPEN) { /* there is no WebSocket yet that could be closed */
        peer->code = (int16_t)code;
        peer->reason = reason;
        peer_die(peer);
        return;
    }
    struct broadcast *close = broadcast_close(code, reason);
    if (cut)
        outbox_cut(&peer->out);
    queue(peer, close);
    broadcast_release(&close);
    begin_closing(peer, code, reason);
}

void peer_end(struct peer *peer, int code, const char *reason)
{
    end(peer, code, reason, false);
}

void peer_cut(struct peer *peer, int code, const char *reason)
{
    end(peer, code, reason, true);
}

void peer_answer(struct peer *peer, struct text bytes, int code, const char *reason)
{
    if (peer->state >= PEER_CLOSING)
        return;
    struct broadcast *answer = broadcast_raw(bytes);
    queue(peer, answer);
    broadcast_release(&answer);
    peer->answered = true;
    begin_closing(peer, code, reason);
}

bool peer_add(struct peer *peer, struct broadcast *broadcast)
{
    size_t most = (size_t)peer->relay->config->relay_peer_queue;
    if (peer->out.told && peer->out.told + broadcast->len > most)
        return false;
    queue(peer, broadcast);
    return true;
}

int64_t peer_take_back(struct peer *peer)
{
    outbox_cut(&peer->out);
    return outbox_last_rev(&peer->out);
}

void peer_finish(struct peer *peer, struct broadcast *last, int code, const char *reason)
{
    queue(peer, last);
    peer->answered = true;
    begin_closing(peer, code, reason);
}

uint32_t peer_stalled(const struct peer *peer)
{
    return peer->out.count ? ago(peer, peer->stalled) : 0;
}

bool peer_behind(const struct peer *peer, size_t bytes)
{
    size_t most = (size_t)peer->relay->config->relay_peer_queue;
    return peer->state < PEER_CLOSING && peer->out.told && peer->out.told + bytes > most &&
           peer_stalled(peer) < PEER_FOLLOW_MS;
}

void peer_leave(struct peer *peer)
{
    if (peer->state < PEER_JUDGED)
        peer_die(peer);
    peer->leaving = true;
    peer_idle(peer);
}

void peer_idle(struct peer *peer)
{
    if (peer->leaving && !peer->busy && !peer->inbox.count)
        peer_end(peer, 1012, "restart");
}

void peer_settled(struct peer *peer)
{
    if (peer->state == PEER_DEAD)
        want_end(peer);
}

/* --- sending --- */

static bool flush(struct peer *peer)
{
    if (!send_queue(peer))
        return false;
    if (peer->state == PEER_CLOSING && !peer->out.count && !peer->shut) {
        peer->shut = true;
        if (peer->answered) /* that may have taken its time */
            peer->closing = now_of(peer);
        shutdown(peer->fd, SHUT_WR);
    }
    return true;
}

static void lost(struct peer *peer)
{
    if (peer->state < PEER_CLOSING) {
        peer->code = 1006;
        peer->reason = "connection lost";
    }
    peer_die(peer);
}

/* Nothing waits before it and nothing else comes in this turn: no queue, and no second look at the peer. */
static void send_straight(struct peer *peer, struct broadcast *broadcast)
{
    if (!outbox_send_one(&peer->out, peer->fd, broadcast)) {
        lost(peer);
    } else if (peer->out.count) {
        peer->stalled = now_of(peer);
        peer_update(peer);
    }
}

void peer_send_now(struct peer *peer, struct broadcast *broadcast)
{
    if (peer->state == PEER_OPEN && !peer->out.count)
        send_straight(peer, broadcast);
    else
        peer_send(peer, broadcast);
}

void peer_tell(struct peer *peer, struct broadcast *broadcast)
{
    if (peer->state == PEER_HELD && peer->held->kind->tell)
        peer->held->kind->tell(peer, broadcast);
    if (peer->state != PEER_OPEN)
        return;
    if (peer->relay->straight && !peer->out.count) {
        peer->relay->told_last = peer->fd;
        send_straight(peer, broadcast);
        return;
    }
    size_t most = (size_t)peer->relay->config->relay_peer_queue;
    if (peer->out.told + broadcast->len > most) /* a burst: what the socket takes now makes room */
        (void)send_queue(peer);                 /* a broken connection shows again when the turn ends */
    if (peer->out.told + broadcast->len > most && peer->out.told)
        peer_cut(peer, 1008, "queue full");
    else
        queue(peer, broadcast);
}

static void flush_now(struct peer *peer)
{
    if (peer->state == PEER_DEAD)
        return;
    if (!flush(peer)) {
        lost(peer);
        return;
    }
    phoenix_resume(peer);
    if (peer->state == PEER_HELD && !peer->out.count && peer->held->kind->taken)
        peer->held->kind->taken(peer);
    if (peer->shut && peer->goodbye)
        peer_die(peer);
    else
        peer_update(peer);
}

void peer_flush_all(struct relay *relay)
{
    for (struct peer *peer; (peer = peer_list_pop(&relay->flushing));) {
        peer->in_flush = false;
        flush_now(peer);
    }
}

/* --- reading --- */

static void read_head(struct peer *peer, struct text bytes)
{
    if (!peer->head) {
        peer->head = malloc(sizeof *peer->head);
        must(peer->head != NULL);
        peer->head->len = 0;
    }
    struct peer_head *head = peer->head;
    size_t room = HEAD_BYTES_MAX - head->len, take = bytes.len < room ? bytes.len : room;
    memcpy(head->bytes + head->len, bytes.at, take);
    head->len += take;
    welcome_head(peer, (struct text){ head->bytes, head->len }, bytes.len > take);
    if (peer->state == PEER_HEAD)
        return;
    free(peer->head);
    peer->head = NULL;
    if (bytes.len > take && peer->state == PEER_BODY)
        peer->held->kind->came(peer, bytes.at + take, bytes.len - take);
    else if (bytes.len > take && peer->state == PEER_JUDGED) /* more than it said */
        lost(peer);
}

static void came(struct peer *peer, struct text bytes)
{
    peer->heard = now_of(peer);
    peer->pinged = false;
    if (peer->state == PEER_OPEN && beat_came(peer, bytes))
        return;
    if (peer->state == PEER_HEAD)
        read_head(peer, bytes);
    else if (peer->state == PEER_OPEN)
        websocket_feed(&peer->socket, &phoenix_events, peer, bytes);
    else if (peer->state == PEER_BODY)
        peer->held->kind->came(peer, bytes.at, bytes.len);
    else if (peer->state == PEER_HELD) /* it may not ask again before it is answered */
        lost(peer);
    else if (peer->state == PEER_CLOSING && websocket_drain(&peer->socket, bytes))
        peer->goodbye = true;
    if (peer->goodbye)
        want_flush(peer);
}

static void readable(struct peer *peer)
{
    static char bytes[READ_BYTES];
    ssize_t got = recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0)
        came(peer, (struct text){ bytes, (size_t)got });
    else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        lost(peer);
}

void peer_ready(void *context, int events)
{
    struct peer *peer = context;
    if (peer->state == PEER_DEAD)
        return;
    if (events & WATCH_ERROR) {
        lost(peer);
        return;
    }
    if (events & peer->watched & WATCH_READABLE)
        readable(peer);
    if (events & peer->watched & WATCH_WRITABLE)
        want_flush(peer);
}

/* A client that asks faster than it is answered, or does not take its answers, is not read until that has changed. */
static bool may_read(const struct peer *peer)
{
    const struct config *config = peer->relay->config;
    if (peer->state == PEER_JUDGED || (peer->leaving && peer->state < PEER_CLOSING))
        return false;
    return peer->state != PEER_OPEN ||
           (peer->inbox.count < INBOX_MAX && peer->inbox.bytes <= (size_t)config->limits_body &&
            peer->out.bytes <= (size_t)config->relay_peer_queue);
}

void peer_update(struct peer *peer)
{
    if (peer->state == PEER_DEAD)
        return;
    int events = (may_read(peer) ? WATCH_READABLE : 0) | (peer->out.count ? WATCH_WRITABLE : 0);
    if (events & ~peer->watched & WATCH_READABLE)
        peer->heard = now_of(peer); /* its silence was ours */
    if (events & ~peer->watched & WATCH_WRITABLE)
        roster_sooner(peer->relay->roster, peer->fd, peer->stalled + PEER_STALL_MS);
    watch_for(peer, events);
    if (peer->state == PEER_HELD)
        roster_look(peer->relay->roster, peer->fd, now_of(peer));
}

/* --- the beginning --- */

void peer_new(struct relay *relay, int fd, struct text address)
{
    struct peer *peer = calloc(1, sizeof *peer);
    must(peer != NULL);
    peer->relay = relay;
    peer->id = (uint32_t)++relay->peer_serial;
    peer->fd = fd;
    peer->since = peer->heard = peer->stalled = (uint32_t)relay_now(relay);
    peer->address = addresses_keep(relay->addresses, address);
    roster_add(relay->roster, fd, peer, peer->since + PEER_HEAD_MS);
    relay->peer_count++;
    peer_update(peer);
}

bool peer_count(struct peer *peer, size_t most)
{
    peer->counted = addresses_take(peer->relay->addresses, text_of(peer->address), most);
    return peer->counted;
}

void peer_open(struct peer *peer, struct text bytes)
{
    if (peer->state != PEER_JUDGED)
        return;
    struct broadcast *answer = broadcast_raw(bytes);
    queue(peer, answer);
    broadcast_release(&answer);
    (void)send_queue(
        peer); /* at once: who is cut off in this turn must find a WebSocket that is closed, not half of one */
    peer->state = PEER_OPEN;
    peer->welcomed = true;
    peer->heard = now_of(peer);
    websocket_open(&peer->socket, (size_t)peer->relay->config->limits_body);
    log_event(LOG_INFO, "live connect", LOG_N("peer", peer->id), LOG_S("address", peer->address));
    peer_idle(peer);
}

bool peer_impatient(const struct peer *peer)
{
    char byte;
    return recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* --- the end of the turn --- */

static void log_end(const struct peer *peer)
{
    if (peer->welcomed)
        log_event(LOG_INFO, "live close", LOG_N("peer", peer->id), LOG_N("code", peer->code),
                  LOG_S("reason", peer->reason), LOG_N("ms", ago(peer, peer->since)));
}

static void peer_free(struct peer *peer)
{
    struct relay *relay = peer->relay;
    log_end(peer);
    roster_remove(relay->roster, peer->fd);
    relay->peer_count--;
    relay->seated -= peer->seated;
    sessions_leave(relay->sessions, &peer->session, peer);
    if (peer->counted)
        addresses_give(relay->addresses, text_of(peer->address));
    addresses_drop(relay->addresses, &peer->address);
    websocket_close(&peer->socket);
    outbox_free(&peer->out);
    free(peer->head);
    close(peer->fd);
    free(peer);
}

void peer_free_ended(struct relay *relay)
{
    for (struct peer *peer; (peer = peer_list_pop(&relay->ending));) {
        peer->in_end = false;
        phoenix_gone(peer);
        if (peer->held)
            peer->held->kind->forget(peer);
        peer->held = NULL;
        if (peer->state == PEER_DEAD && !peer->busy)
            peer_free(peer);
    }
}
