#include "relay/telling.h"

#include <uv.h>

#include "relay/burst.h"
#include "relay/hub.h"
#include "relay/peer.h"
#include "relay/phoenix.h"
#include "relay/reading.h"
#include "relay/relay.h"
#include "relay/resting.h"
#include "relay/source.h"

/* A read stops at READING_BYTES, behind a message that may be about as long by itself. */
enum { PART_BYTES = 2 * READING_BYTES };

static void tell_all(struct relay *relay, struct hub_room *room, const struct read_room *read)
{
    uint64_t begun = uv_hrtime();
    relay->told_last = -1;
    hub_tell_all(relay->hub, room, read->told, read->told_count, read->joined);
    resting_begin(&room->resting, begun, uv_hrtime(), relay->proxied ? relay->told_last : -1);
}

void telling_room(struct relay *relay, struct hub_room *room, const struct read_room *read)
{
    if (read->gone || read->other) {
        phoenix_evict(relay, room, read->gone ? "phx_close" : "phx_error");
        return;
    }
    if (read->told_count)
        tell_all(relay, room, read);
    if (read->to > room->rev)
        room->rev = read->to;
    burst_told(&room->burst, uv_hrtime(), read->more);
    if (read->more)
        source_ring(relay->source, room->id);
}

struct waited {
    struct relay *relay;
    struct hub_room *room;
    bool behind; /* somebody is */
};

static void look(struct hub_member *member, void *context)
{
    struct waited *waited = context;
    waited->behind = waited->behind || peer_behind(member->peer, PART_BYTES);
}

/* Who waits for the answer to his join reads as well. */
static bool behind(void *context)
{
    struct waited *waited = context;
    waited->behind = hub_full(waited->relay->hub, waited->room, PART_BYTES);
    hub_each(waited->relay->hub, waited->room, look, waited);
    return waited->behind;
}

uint64_t telling_left(struct relay *relay, struct hub_room *room, uint64_t now)
{
    struct waited waited = { .relay = relay, .room = room };
    uint64_t rest = resting_left(&room->resting, now), wait = burst_left(&room->burst, now, behind, &waited);
    return rest > wait ? rest : wait;
}
