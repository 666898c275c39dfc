/* What happens to a peer by time alone. Each is looked at when something could be due, not each time (roster.h): what
 * makes that sooner (a state that is looked at all the time, a queue that the client does not take) says so where it
 * begins. A sign of life puts it off, which is found out when it is looked at. */
#include "relay/held.h"
#include "relay/peer.h"
#include "relay/relay.h"
#include "relay/watch.h"
#include "relay/welcome.h"

static uint32_t now_of(const struct peer *peer)
{
    return (uint32_t)relay_now(peer->relay);
}

/* Milliseconds since then. */
static uint32_t ago(const struct peer *peer, uint32_t then)
{
    return now_of(peer) - then;
}

/* The silence after which it is pinged, or closed. */
static uint32_t silence(const struct peer *peer, uint32_t ms)
{
    return ms + (peer->beats ? PEER_BEAT_MS : 0);
}

static uint32_t next_of_open(const struct peer *peer)
{
    uint32_t silent = peer->heard + silence(peer, peer->pinged ? PEER_SILENT_MS : PEER_PING_MS);
    uint32_t stalled = peer->stalled + PEER_STALL_MS;
    return peer->out.count && (int32_t)(stalled - silent) < 0 ? stalled : silent;
}

static uint32_t tick_open(struct peer *peer)
{
    if (peer->out.count && ago(peer, peer->stalled) >= PEER_STALL_MS) {
        peer_cut(peer, 1008, "reads too slowly");
    } else if (!(peer->watched & WATCH_READABLE)) {
        return now_of(peer); /* it is we who do not listen */
    } else if (ago(peer, peer->heard) >= silence(peer, PEER_SILENT_MS)) {
        peer_cut(peer, 1008, "silent");
    } else if (ago(peer, peer->heard) >= silence(peer, PEER_PING_MS) && !peer->pinged) {
        peer->pinged = true;
        peer_send_now(peer, peer->relay->ping);
    }
    return peer->state == PEER_OPEN ? next_of_open(peer) : now_of(peer);
}

/* A long answer takes as long as it is being read. */
static bool lingers(const struct peer *peer)
{
    if (peer->answered && peer->out.count)
        return peer_stalled(peer) >= PEER_STALL_MS;
    return ago(peer, peer->closing) >= PEER_LINGER_MS;
}

/* What was noted since then stays as it is: it must not come to lie ahead. */
static void put_off(const struct peer *peer, uint32_t *then, uint32_t ms)
{
    if (ago(peer, *then) >= ms)
        *then += ms;
}

void peer_excuse(struct peer *peer, uint32_t ms)
{
    put_off(peer, &peer->heard, ms);
    put_off(peer, &peer->stalled, ms);
    if (peer->state < PEER_JUDGED)
        put_off(peer, &peer->since, ms);
    else if (peer->state == PEER_CLOSING)
        put_off(peer, &peer->closing, ms);
}

uint32_t peer_tick(struct peer *peer)
{
    if (peer->state == PEER_OPEN)
        return tick_open(peer);
    if (peer->state == PEER_HELD)
        peer->held->kind->tick(peer);
    else if (peer->state == PEER_CLOSING && lingers(peer))
        peer_die(peer);
    else if (peer->state < PEER_JUDGED && ago(peer, peer->since) >= PEER_HEAD_MS)
        welcome_late(peer);
    return now_of(peer);
}
