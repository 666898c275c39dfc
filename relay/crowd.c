#include "relay/crowd.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/config.h"
#include "base/must.h"
#include "relay/broadcast.h"
#include "relay/handles.h"
#include "relay/hub.h"
#include "relay/listing.h"
#include "relay/peer.h"
#include "relay/pool.h"
#include "relay/presence.h"
#include "relay/relay.h"
#include "web/json_text.h"

enum {
    BUCKETS = 256,
    APART_MS = 100, /* at least, between two reads of a room */
    APART_MOST_MS = 1000,
    APART_TIMES = 5, /* as long as the read took */
    RETRY_MS = 1000, /* after one that failed */
    PORTION = 500,   /* so many are told in one go, */
    PORTION_MS = 20, /* and as many again after this */
    TOLD_PER_MS = PORTION / PORTION_MS,
    AGAIN_MS = 15000, /* without a bell */
    AGAIN_MOST = 10,  /* of those in a second */
    TYPING_MS = 1000, /* once in it a page is passed on, */
    TYPING_MOST = 10, /* and so many of a room */
    TEXT_MAX = 1024,
};

struct crowd {
    struct crowd *next_of_id;
    struct crowd *next, *prev; /* all, the one first that was read longest ago */
    struct crowd *next_due;
    int64_t room_id;
    size_t pages;       /* here; 0: forgotten as soon as no read is out */
    struct found found; /* arena NULL: nothing yet */
    uint32_t version;   /* of it */
    bool rung, due, out;
    bool behind;              /* somebody may have been told less than that */
    int64_t read_at, next_at; /* relay_now */
    int64_t typed_until;      /* relay_now: the time that those so far would take at the average */
    int64_t typing_free_at;   /* one may be told again */
};

struct crowds {
    struct relay *relay;
    struct presence *presence;
    struct crowd *by_id[BUCKETS];
    struct crowd *first, *last;
    struct crowd *due, **due_end;
    bool out;
    int64_t quiet_until; /* relay_now */
    struct telling *telling;
    uv_timer_t next_portion;
};

/* --- crowds --- */

static struct crowd **place_of(struct crowds *crowds, int64_t room_id)
{
    struct crowd **at = &crowds->by_id[(uint64_t)room_id % BUCKETS];
    while (*at && (*at)->room_id != room_id)
        at = &(*at)->next_of_id;
    return at;
}

static void put_last(struct crowds *crowds, struct crowd *crowd)
{
    crowd->next = NULL;
    crowd->prev = crowds->last;
    *(crowds->last ? &crowds->last->next : &crowds->first) = crowd;
    crowds->last = crowd;
}

static void take_out(struct crowds *crowds, struct crowd *crowd)
{
    *(crowd->next ? &crowd->next->prev : &crowds->last) = crowd->prev;
    *(crowd->prev ? &crowd->prev->next : &crowds->first) = crowd->next;
}

static void make_due(struct crowds *crowds, struct crowd *crowd)
{
    crowd->rung = true;
    if (crowd->due || crowd->out)
        return;
    crowd->due = true;
    crowd->next_due = NULL;
    *crowds->due_end = crowd;
    crowds->due_end = &crowd->next_due;
    presence_soon(crowds->presence);
}

static void not_due(struct crowds *crowds, struct crowd *crowd)
{
    struct crowd **at = &crowds->due;
    if (!crowd->due)
        return;
    while (*at != crowd)
        at = &(*at)->next_due;
    *at = crowd->next_due;
    if (!*at)
        crowds->due_end = at;
    crowd->due = false;
}

static void crowd_free(struct crowd *crowd)
{
    arena_free(&crowd->found.arena);
    free(crowd);
}

struct crowd *crowd_join(struct crowds *crowds, int64_t room_id)
{
    struct crowd **at = place_of(crowds, room_id), *crowd = *at;
    if (!crowd) {
        crowd = calloc(1, sizeof *crowd);
        must(crowd != NULL);
        crowd->room_id = room_id;
        *at = crowd;
        put_last(crowds, crowd);
        make_due(crowds, crowd);
    }
    crowd->pages++;
    return crowd;
}

int64_t crowd_room(const struct crowd *crowd)
{
    return crowd->room_id;
}

void crowd_leave(struct crowds *crowds, struct crowd **leaving)
{
    struct crowd *crowd = *leaving;
    *leaving = NULL;
    if (--crowd->pages)
        return;
    *place_of(crowds, crowd->room_id) = crowd->next_of_id;
    take_out(crowds, crowd);
    not_due(crowds, crowd);
    if (!crowd->out)
        crowd_free(crowd);
}

/* --- telling --- */

/* A page that does not take what it is sent gets no more of this; one that is told by other means gets none at all. */
static bool may_tell(const struct peer *peer)
{
    return peer->state == PEER_OPEN && peer->out.bytes <= (size_t)peer->relay->config->relay_peer_queue / 4;
}

void crowd_greet(struct crowds *crowds, struct hub_member *member)
{
    struct page *page = member->page;
    const struct found *found = &page->crowd->found;
    struct peer *peer = member->peer;
    page->told = 0;
    if (!found->arena || !may_tell(peer)) {
        page->crowd->behind = true;
        make_due(crowds, page->crowd);
        return;
    }
    struct text topic = hub_topic(member->room);
    struct broadcast *state = listing_frame(topic, member->join_ref, "presence_state", found->state);
    struct broadcast *count = listing_frame(topic, NULL, "presence_count", found->count);
    peer_send(peer, state);
    peer_send(peer, count);
    broadcast_release(&state);
    broadcast_release(&count);
    page->told = page->crowd->version;
}

static void next_portion(uv_timer_t *timer);

/* A list that is being told. Pages are told by their serials, so that it does not matter who comes and goes meanwhile.
 */
struct telling {
    int64_t room_id;
    struct broadcast *all, *change; /* the list; what is new in it, or NULL */
    uint32_t from, to;              /* the versions between which that is the change */
    uint64_t portion, portions;
    size_t told;
    bool skipped; /* somebody, who is to hear all of it soon */
};

static void tell(struct hub_member *member, void *context)
{
    struct telling *telling = context;
    struct page *page = member->page;
    if (!page || page->told == telling->to || page->serial % telling->portions != telling->portion)
        return;
    bool known = telling->change && page->told == telling->from, may = may_tell(member->peer);
    if (may)
        peer_tell(member->peer, known ? telling->change : telling->all);
    page->told = may ? telling->to : 0;
    telling->skipped = telling->skipped || (!may && ((struct peer *)member->peer)->state == PEER_OPEN);
    telling->told++;
}

static void telling_free(struct telling **telling)
{
    if (!*telling)
        return;
    broadcast_release(&(*telling)->all);
    broadcast_release(&(*telling)->change);
    free(*telling);
    *telling = NULL;
}

static void told_all(struct crowds *crowds)
{
    struct telling *telling = crowds->telling;
    struct crowd *crowd = *place_of(crowds, telling->room_id);
    crowds->quiet_until = relay_now(crowds->relay) + (int64_t)(telling->told / telling->portions / TOLD_PER_MS);
    if (crowd && telling->skipped) {
        crowd->behind = true;
        crowd->next_at = relay_now(crowds->relay) + RETRY_MS;
        make_due(crowds, crowd);
    }
    telling_free(&crowds->telling);
}

static void tell_portion(struct crowds *crowds)
{
    struct telling *telling = crowds->telling;
    struct hub_room *room = hub_room_by_id(crowds->relay->hub, telling->room_id);
    if (room)
        hub_each(crowds->relay->hub, room, tell, telling);
    if (room && ++telling->portion < telling->portions)
        uv_timer_start(&crowds->next_portion, next_portion, PORTION_MS, 0);
    else
        told_all(crowds);
}

static void next_portion(uv_timer_t *timer)
{
    struct crowds *crowds = timer->data;
    tell_portion(crowds);
    crowd_read(crowds);
}

/* --- and back --- */

static void tell_room(struct list_job *list)
{
    struct crowd *crowd = list->crowd;
    struct telling *telling = calloc(1, sizeof *telling);
    must(telling != NULL && !list->crowds->telling);
    *telling = (struct telling){ .room_id = list->room_id,
                                 .all = broadcast_share(list->all),
                                 .change = list->change ? broadcast_share(list->change) : NULL,
                                 .from = crowd->version,
                                 .portions = 1 + crowd->pages / PORTION };
    if (list->change && ++crowd->version == 0)
        crowd->version++;
    crowd->behind = false;
    telling->to = crowd->version;
    list->crowds->telling = telling;
    tell_portion(list->crowds);
}

static void take_over(struct list_job *list, int64_t now)
{
    struct crowd *crowd = list->crowd;
    if (list->change || crowd->behind)
        tell_room(list);
    arena_free(&crowd->found.arena);
    crowd->found = list->found;
    list->found.arena = NULL;
    crowd->read_at = now;
    take_out(list->crowds, crowd);
    put_last(list->crowds, crowd);
}

static int64_t apart(int64_t took)
{
    int64_t wanted = took * APART_TIMES;
    return wanted < APART_MS ? APART_MS : wanted < APART_MOST_MS ? wanted : APART_MOST_MS;
}

static void list_done(struct job *job)
{
    struct list_job *list = (struct list_job *)job;
    struct crowds *crowds = list->crowds;
    struct crowd *crowd = list->crowd;
    int64_t now = relay_now(crowds->relay);
    crowds->out = crowd->out = false;
    if (!crowd->pages) {
        crowd_free(crowd);
        return;
    }
    crowd->next_at = now + apart(list->took);
    if (list->outcome == DONE)
        take_over(list, now);
    else
        crowd->next_at = now + RETRY_MS;
    if (crowd->rung || list->outcome != DONE)
        make_due(crowds, crowd);
    crowd_read(crowds);
}

static void submit(struct crowds *crowds, struct crowd *crowd, const struct hub_room *room)
{
    struct list_job *list = job_new(sizeof *list, listing_work, list_done);
    list->crowds = crowds;
    list->crowd = crowd;
    list->room_id = crowd->room_id;
    list->was = &crowd->found;
    list->topic = text_copy(list->job.arena, hub_topic(room));
    crowd->rung = false;
    crowds->out = crowd->out = true;
    pool_submit(crowds->relay->pool, &list->job);
}

void crowd_read(struct crowds *crowds)
{
    int64_t now = relay_now(crowds->relay);
    if (crowds->out || crowds->telling || now < crowds->quiet_until)
        return;
    for (struct crowd *crowd = crowds->due, *next; crowd; crowd = next) {
        const struct hub_room *room = hub_room_by_id(crowds->relay->hub, crowd->room_id);
        next = crowd->next_due;
        if (now < crowd->next_at)
            continue;
        not_due(crowds, crowd);
        if (!room)
            continue;
        submit(crowds, crowd, room);
        return;
    }
}

bool crowd_waiting(const struct crowds *crowds)
{
    return crowds->due != NULL;
}

/* --- bells --- */

void crowd_rang_all(struct crowds *crowds)
{
    for (struct crowd *crowd = crowds->first; crowd; crowd = crowd->next)
        make_due(crowds, crowd);
}

void crowd_rang(struct crowds *crowds, struct text rooms)
{
    int64_t id;
    if (!rooms.len)
        crowd_rang_all(crowds);
    while (rooms.len) {
        struct text number = text_split(&rooms, ',');
        struct crowd *crowd = text_number(number, INT64_MAX, &id) ? *place_of(crowds, id) : NULL;
        if (crowd)
            make_due(crowds, crowd);
    }
}

void crowd_tick(struct crowds *crowds)
{
    int64_t now = relay_now(crowds->relay);
    struct crowd *crowd = crowds->first;
    for (int i = 0; i < AGAIN_MOST && crowd && now - crowd->read_at >= AGAIN_MS; i++, crowd = crowd->next)
        make_due(crowds, crowd);
}

/* --- typing --- */

bool crowd_may_type(struct crowds *crowds, struct hub_member *member)
{
    struct page *page = member->page;
    int64_t now = relay_now(crowds->relay);
    if (!page || (uint32_t)now - page->typed_at < TYPING_MS)
        return false;
    struct crowd *crowd = page->crowd;
    if (crowd->typed_until < now - TYPING_MS)
        crowd->typed_until = now - TYPING_MS;
    if (crowd->typed_until + TYPING_MS / TYPING_MOST > now)
        return false;
    crowd->typed_until += TYPING_MS / TYPING_MOST;
    page->typed_at = (uint32_t)now;
    return true;
}

struct typing {
    uint64_t by; /* the page, if it is one of ours */
    struct broadcast *frame;
    size_t told;
};

static void tell_typing(struct hub_member *member, void *context)
{
    struct typing *typing = context;
    if (!member->page || member->page->serial == typing->by || !may_tell(member->peer))
        return;
    peer_tell(member->peer, typing->frame);
    typing->told++;
}

/* {"key": ..., "name": ...} */
static struct broadcast *typing_frame(struct text topic, const json_t *said)
{
    struct buffer text = buffer_new(TEXT_MAX);
    const json_t *key = json_object_get(said, "key"), *name = json_object_get(said, "name");
    buffer_string(&text, "{\"key\":");
    json_text_string(&text, (struct text){ json_string_value(key), json_string_length(key) });
    buffer_string(&text, ",\"name\":");
    json_text_string_or_null(&text, (struct text){ json_string_value(name), json_string_length(name) });
    buffer_char(&text, '}');
    struct broadcast *frame = listing_frame(topic, NULL, "typing", buffer_view(&text));
    buffer_free(&text);
    return frame;
}

static void say_typing(struct crowds *crowds, struct crowd *crowd, const json_t *said)
{
    struct hub_room *room = hub_room_by_id(crowds->relay->hub, crowd->room_id);
    const char *ref = json_string_value(json_object_get(said, "ref"));
    int64_t now = relay_now(crowds->relay);
    if (!room || !ref || now < crowd->typing_free_at)
        return;
    struct typing typing = { .by = presence_serial(crowds->presence, ref),
                             .frame = typing_frame(hub_topic(room), said) };
    hub_each(crowds->relay->hub, room, tell_typing, &typing);
    broadcast_release(&typing.frame);
    crowd->typing_free_at = now + (int64_t)(typing.told / TOLD_PER_MS);
}

void crowd_typing(struct crowds *crowds, struct text said)
{
    json_t *json = json_loadb(said.at, said.len, 0, NULL);
    struct crowd *crowd = *place_of(crowds, json_integer_value(json_object_get(json, "room")));
    if (crowd)
        say_typing(crowds, crowd, json);
    json_decref(json);
}

/* --- beginning and end --- */

struct crowds *crowds_new(struct relay *relay, struct presence *presence)
{
    struct crowds *crowds = calloc(1, sizeof *crowds);
    must(crowds != NULL);
    crowds->relay = relay;
    crowds->presence = presence;
    crowds->due_end = &crowds->due;
    uv_timer_init(relay->loop, &crowds->next_portion);
    crowds->next_portion.data = crowds;
    return crowds;
}

void crowds_free(struct crowds **gone)
{
    struct crowds *crowds = *gone;
    must(!crowds->first);
    telling_free(&crowds->telling);
    handles_close(crowds, (void *[]){ &crowds->next_portion }, 1);
    *gone = NULL;
}
