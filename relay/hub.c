#include "relay/hub.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "relay/broadcast.h"

enum { FIRST_BUCKETS = 64, REFS = 64, REF_BYTES = 8, FIRST_HELD = 8 };

/* What waits for a join's answer. */
struct held {
    size_t count, size, bytes;
    struct broadcast *items[];
};

struct hub {
    json_t *refs[REFS]; /* join_refs that are often the same: "3" of every page that has just been loaded */
    const struct hub_events *events;
    size_t held_limit;
    bool telling; /* callbacks run: nobody may join or leave, for the lists are being walked */
    struct hub_room *rooms;
    size_t room_count, buckets; /* buckets is a power of two */
    struct hub_room **by_topic, **by_id;
    uint64_t serial;
};

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    must(memory != NULL);
    return memory;
}

struct hub *hub_new(const struct hub_events *events, size_t held_limit)
{
    struct hub *hub = zeroed(1, sizeof *hub);
    hub->events = events;
    hub->held_limit = held_limit;
    hub->buckets = FIRST_BUCKETS;
    hub->by_topic = zeroed(hub->buckets, sizeof *hub->by_topic);
    hub->by_id = zeroed(hub->buckets, sizeof *hub->by_id);
    return hub;
}

void hub_free(struct hub **hub)
{
    if (!*hub)
        return;
    must((*hub)->rooms == NULL);
    for (size_t i = 0; i < REFS; i++)
        json_decref((*hub)->refs[i]);
    free((*hub)->by_topic);
    free((*hub)->by_id);
    free(*hub);
    *hub = NULL;
}

/* --- rooms --- */

/* FNV-1a; topics that collide on purpose cost their makers' own rooms, each of which must exist to stay. */
static size_t topic_bucket(const struct hub *hub, struct text topic)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < topic.len; i++)
        hash = (hash ^ (unsigned char)topic.at[i]) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32) & (hub->buckets - 1);
}

static size_t id_bucket(const struct hub *hub, int64_t id)
{
    return (size_t)((uint64_t)id * 11400714819323198485u >> 32) & (hub->buckets - 1);
}

struct text hub_topic(const struct hub_room *room)
{
    return (struct text){ room->topic, room->topic_len };
}

static void index_topic(struct hub *hub, struct hub_room *room)
{
    struct hub_room **bucket = &hub->by_topic[topic_bucket(hub, hub_topic(room))];
    room->next_of_topic = *bucket;
    *bucket = room;
}

static void index_id(struct hub *hub, struct hub_room *room)
{
    struct hub_room **bucket = &hub->by_id[id_bucket(hub, room->id)];
    room->next_of_id = *bucket;
    *bucket = room;
}

static void grow(struct hub *hub)
{
    free(hub->by_topic);
    free(hub->by_id);
    hub->buckets *= 2;
    hub->by_topic = zeroed(hub->buckets, sizeof *hub->by_topic);
    hub->by_id = zeroed(hub->buckets, sizeof *hub->by_id);
    for (struct hub_room *room = hub->rooms; room; room = room->next) {
        index_topic(hub, room);
        if (room->id)
            index_id(hub, room);
    }
}

static struct hub_room *room_by_topic(const struct hub *hub, struct text topic)
{
    struct hub_room *room = hub->by_topic[topic_bucket(hub, topic)];
    while (room && !text_equal(hub_topic(room), topic))
        room = room->next_of_topic;
    return room;
}

static struct hub_room *room_new(struct hub *hub, struct text topic)
{
    struct hub_room *room = zeroed(1, sizeof *room);
    room->topic = zeroed(topic.len + 1, 1);
    if (topic.len)
        memcpy(room->topic, topic.at, topic.len);
    room->topic_len = topic.len;
    room->serial = ++hub->serial;
    room->next = hub->rooms;
    if (room->next)
        room->next->prev = room;
    hub->rooms = room;
    if (++hub->room_count > hub->buckets)
        grow(hub);
    else
        index_topic(hub, room);
    return room;
}

static void forget_id(struct hub *hub, struct hub_room *room)
{
    if (!room->id)
        return;
    struct hub_room **at = &hub->by_id[id_bucket(hub, room->id)];
    while (*at != room)
        at = &(*at)->next_of_id;
    *at = room->next_of_id;
    room->id = 0;
}

static void room_free(struct hub *hub, struct hub_room *room)
{
    struct hub_room **at = &hub->by_topic[topic_bucket(hub, hub_topic(room))];
    while (*at != room)
        at = &(*at)->next_of_topic;
    *at = room->next_of_topic;
    forget_id(hub, room);
    if (room->next)
        room->next->prev = room->prev;
    *(room->prev ? &room->prev->next : &hub->rooms) = room->next;
    hub->room_count--;
    free(room->topic);
    free(room);
}

struct hub_room *hub_room_by_id(const struct hub *hub, int64_t id)
{
    struct hub_room *room = hub->by_id[id_bucket(hub, id)];
    while (room && room->id != id)
        room = room->next_of_id;
    return room;
}

struct hub_room *hub_rooms(const struct hub *hub)
{
    return hub->rooms;
}

size_t hub_room_count(const struct hub *hub)
{
    return hub->room_count;
}

/* --- members --- */

/* A reference of one's own to the same ref. Short ones are shared by all who have them. */
static json_t *keep_ref(struct hub *hub, const json_t *ref)
{
    if (!json_is_string(ref))
        return json_null();
    size_t len = json_string_length(ref), slot = 0;
    if (len > REF_BYTES)
        return json_stringn(json_string_value(ref), len);
    for (size_t i = 0; i < len; i++)
        slot = slot * 31 + (unsigned char)json_string_value(ref)[i];
    json_t **kept = &hub->refs[slot % REFS];
    if (!*kept || !json_equal(*kept, ref)) {
        json_decref(*kept);
        *kept = json_stringn(json_string_value(ref), len);
    }
    return json_incref(*kept);
}

struct hub_member *hub_join(struct hub *hub, struct text topic, void *peer, const json_t *join_ref,
                            struct hub_member **list)
{
    must(!hub->telling);
    struct hub_room *room = room_by_topic(hub, topic);
    struct hub_member *member = zeroed(1, sizeof *member);
    member->room = room ? room : room_new(hub, topic);
    member->peer = peer;
    member->rev = MEMBER_PENDING;
    member->join_ref = keep_ref(hub, join_ref);
    member->next_in_room = member->room->members;
    if (member->next_in_room)
        member->next_in_room->prev_in_room = member;
    member->room->members = member;
    member->next_of_peer = *list;
    *list = member;
    return member;
}

static void drop_held(struct hub_member *member)
{
    for (size_t i = 0; member->held && i < member->held->count; i++)
        broadcast_release(&member->held->items[i]);
    free(member->held);
    member->held = NULL;
}

void hub_leave(struct hub *hub, struct hub_member **leaving, struct hub_member **list)
{
    struct hub_member *member = *leaving;
    struct hub_room *room = member->room;
    must(!hub->telling);
    if (member->page && hub->events->left)
        hub->events->left(member->peer, member);
    while (*list != member)
        list = &(*list)->next_of_peer;
    *list = member->next_of_peer;
    if (member->next_in_room)
        member->next_in_room->prev_in_room = member->prev_in_room;
    *(member->prev_in_room ? &member->prev_in_room->next_in_room : &room->members) = member->next_in_room;
    drop_held(member);
    json_decref(member->join_ref);
    free(member);
    *leaving = NULL;
    if (!room->members)
        room_free(hub, room);
}

struct hub_member *hub_find(struct hub_member *list, struct text topic)
{
    while (list && !text_equal(hub_topic(list->room), topic))
        list = list->next_of_peer;
    return list;
}

size_t hub_count(const struct hub_member *list)
{
    size_t count = 0;
    for (; list; list = list->next_of_peer)
        count++;
    return count;
}

/* The first join that is answered says what the room is. */
static void settle(struct hub *hub, struct hub_room *room, int64_t id, int64_t rev, struct text epoch)
{
    must(epoch.len < sizeof room->epoch);
    memcpy(room->epoch, epoch.at, epoch.len);
    room->epoch[epoch.len] = '\0';
    room->id = id;
    room->start = room->rev = rev;
    room->fresh = true;
    index_id(hub, room);
}

static void deliver(struct hub *hub, struct hub_member *member, struct broadcast *broadcast)
{
    if (broadcast->rev <= member->rev)
        return;
    member->rev = broadcast->rev;
    hub->events->send(member->peer, broadcast);
}

/* What was read of the room so far, or is being read, is not told: not to those who wait either. */
static void forget_read(struct hub *hub, struct hub_room *room)
{
    room->rung = false;
    room->serial = ++hub->serial;
    for (struct hub_member *member = room->members; member; member = member->next_in_room)
        drop_held(member);
}

/* See hub.h, 5. */
static void go_back(struct hub *hub, struct hub_room *room, int64_t rev)
{
    room->start = room->rev = rev;
    room->fresh = true;
    forget_read(hub, room);
}

bool hub_accept(struct hub *hub, struct hub_member *member, int64_t room_id, int64_t rev, struct text epoch)
{
    struct hub_room *room = member->room;
    if (!room->id)
        settle(hub, room, room_id, rev, epoch);
    if (room->id != room_id || !text_is(epoch, room->epoch))
        return false;
    if (rev < room->start)
        go_back(hub, room, rev);
    member->rev = rev > 0 ? rev : 0; /* below that it would be pending */
    hub->telling = true;
    for (size_t i = 0; member->held && i < member->held->count; i++)
        deliver(hub, member, member->held->items[i]);
    hub->telling = false;
    drop_held(member);
    return true;
}

void hub_unsettle(struct hub *hub, struct hub_room *room)
{
    forget_id(hub, room);
    room->rev = 0;
    room->epoch[0] = '\0';
    forget_read(hub, room);
}

static void hold(struct hub *hub, struct hub_member *member, struct broadcast *broadcast)
{
    struct held *held = member->held;
    if ((held ? held->bytes : 0) + broadcast->len > hub->held_limit) {
        hub->events->overflow(member->peer);
        return;
    }
    if (!held || held->count == held->size) {
        size_t size = held ? held->size * 2 : FIRST_HELD;
        held = realloc(held, sizeof *held + size * sizeof held->items[0]);
        must(held != NULL);
        if (!member->held)
            *held = (struct held){ .count = 0 };
        held->size = size;
        member->held = held;
    }
    held->items[held->count++] = broadcast_share(broadcast);
    held->bytes += broadcast->len;
}

static void tell(struct hub *hub, struct hub_member *member, struct broadcast *broadcast)
{
    if (member_pending(member))
        hold(hub, member, broadcast);
    else
        deliver(hub, member, broadcast);
}

/* While one is sent to, what the next step looks at is fetched: in a large room it has long left the caches. */
static void look_ahead(const struct hub_member *member)
{
    const struct hub_member *next = member->next_in_room;
    if (!next)
        return;
    __builtin_prefetch(next->peer);
    __builtin_prefetch(next->next_in_room);
}

void hub_tell_all(struct hub *hub, struct hub_room *room, struct broadcast *const *broadcasts, size_t count,
                  struct broadcast *joined)
{
    hub->telling = true;
    for (struct hub_member *member = room->members; member; member = member->next_in_room) {
        look_ahead(member);
        if (!member_pending(member) && member->rev < broadcasts[0]->rev) {
            deliver(hub, member, joined);
            continue;
        }
        for (size_t i = 0; i < count; i++)
            tell(hub, member, broadcasts[i]);
    }
    hub->telling = false;
    if (joined->rev > room->rev)
        room->rev = joined->rev;
}

bool hub_full(const struct hub *hub, const struct hub_room *room, size_t bytes)
{
    for (const struct hub_member *member = room->members; member; member = member->next_in_room)
        if (member->held && member->held->bytes + bytes > hub->held_limit)
            return true;
    return false;
}

void hub_each(struct hub *hub, struct hub_room *room, void (*call)(struct hub_member *, void *context), void *context)
{
    hub->telling = true;
    for (struct hub_member *member = room->members; member; member = member->next_in_room) {
        look_ahead(member);
        if (!member_pending(member))
            call(member, context);
    }
    hub->telling = false;
}
