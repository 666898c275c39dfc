#include "relay/presence.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/must.h"
#include "chat/presence.h"
#include "chat/scope.h"
#include "live/channel.h"
#include "live/poll_presence.h"
#include "relay/crowd.h"
#include "relay/handles.h"
#include "relay/hub.h"
#include "relay/longpoll.h"
#include "relay/pool.h"
#include "relay/relay.h"
#include "relay/source.h"

enum {
    TICK_MS = 100,
    RETRY_MS = 1000,
    SWEEP_MS = 1000,
    CHANGES_MOST = 1000,
    POLLS_APART_MS = 2500,
    POLLS_MS = 2,
    OWNER_SIZE = 14,
    FIRST_DUE = 64
};

enum { ABSENT, UNSURE, PRESENT };

static const uint64_t PAGE_SERIAL_MOST = ((uint64_t)1 << 56) - 1;

struct presence {
    struct relay *relay;
    struct crowds *crowds;
    uv_timer_t soon;
    char owner[OWNER_SIZE]; /* no two relays have the same, also over time */
    uint64_t serial;
    struct page **due; /* a ring */
    size_t due_first, due_count, due_size;
    bool out; /* a write is */
    bool leased;
    int64_t leased_at, swept_at, retry_at, woken_at; /* relay_now */
    int rung;                                        /* so many times are polls to be woken */
    enum { STAYING, LEAVING, LEFT } end;
};

struct crowds *presence_crowds(struct presence *presence)
{
    return presence->crowds;
}

/* --- names --- */

void presence_ref(const struct presence *presence, const struct page *page, char *out)
{
    snprintf(out, PRESENCE_REF_SIZE, "%s-%" PRIx64, presence->owner, (uint64_t)page->serial);
}

uint64_t presence_serial(const struct presence *presence, const char *ref)
{
    size_t len = strlen(presence->owner);
    if (strncmp(ref, presence->owner, len) != 0 || ref[len] != '-')
        return 0;
    return strtoull(ref + len + 1, NULL, 16);
}

/* --- pages --- */

static void page_free(struct page *page)
{
    if (page->guest)
        free(page->name);
    free(page);
}

static struct page *page_new(struct presence *presence, struct hub_member *member, int64_t room_id)
{
    struct page *page = calloc(1, sizeof *page);
    must(page != NULL);
    page->serial = ++presence->serial & PAGE_SERIAL_MOST;
    page->guest = true;
    page->member = member;
    page->crowd = crowd_join(presence->crowds, room_id);
    return page;
}

static int64_t room_of(const struct page *page)
{
    return page->member ? crowd_room(page->crowd) : page->room_id;
}

/* Room for one more. */
static void grow(struct presence *presence)
{
    size_t size = presence->due_size ? presence->due_size * 2 : FIRST_DUE;
    struct page **due = calloc(size, sizeof(struct page *));
    must(due != NULL);
    for (size_t i = 0; i < presence->due_count; i++)
        due[i] = presence->due[(presence->due_first + i) % presence->due_size];
    free(presence->due);
    presence->due = due;
    presence->due_first = 0;
    presence->due_size = size;
}

static void make_due(struct presence *presence, struct page *page)
{
    if (page->due || page->out)
        return;
    page->due = true;
    if (presence->due_count == presence->due_size)
        grow(presence);
    presence->due[(presence->due_first + presence->due_count++) % presence->due_size] = page;
    presence_soon(presence);
}

static void went(struct presence *presence, struct page *page)
{
    int64_t room_id = room_of(page);
    crowd_leave(presence->crowds, &page->crowd);
    page->room_id = room_id;
    page->member->page = NULL;
    page->member = NULL;
    make_due(presence, page);
}

static bool is_named(const struct page *page, int64_t user_id, struct text name)
{
    return page->guest ? !user_id && text_equal(text_of(page->name), name) : page->user_id == user_id;
}

/* Who it is can have changed when a page joins anew. */
static void name_page(struct page *page, const struct channel_answer *answer)
{
    if (is_named(page, answer->user_id, answer->name))
        return;
    page->changed = true;
    page->known = page->known == PRESENT ? UNSURE : page->known;
    if (page->guest)
        free(page->name);
    page->guest = !answer->user_id;
    if (!page->guest)
        page->user_id = answer->user_id;
    else
        page->name = answer->name.len ? strndup(answer->name.at, answer->name.len) : NULL;
}

void presence_came(struct presence *presence, struct hub_member *member, const struct channel_answer *answer)
{
    if (member->page && room_of(member->page) != answer->room_id)
        went(presence, member->page);
    if (!member->page)
        member->page = page_new(presence, member, answer->room_id);
    name_page(member->page, answer);
    if (member->page->known != PRESENT)
        make_due(presence, member->page);
    crowd_greet(presence->crowds, member);
}

void presence_hand_over(struct hub_member *from, struct hub_member *to)
{
    must(to->page == NULL);
    to->page = from->page;
    from->page = NULL;
    if (to->page)
        to->page->member = to;
}

void presence_went(struct presence *presence, struct hub_member *member)
{
    if (member->page)
        went(presence, member->page);
}

/* --- writing, on a worker --- */

struct write_job {
    struct job job;
    struct presence *presence;
    struct text owner;
    bool lease, sweep, leave;
    struct presence_page *came, *went;
    struct page **came_pages, **went_pages;
    size_t came_count, went_count;
    bool fresh;
    enum outcome leased, changed;
};

static void change(struct write_job *write, const struct scope *scope)
{
    if (!write->came_count && !write->went_count)
        return;
    write->changed =
        presence_change(scope, write->owner, write->came, write->came_count, write->went, write->went_count);
}

static void write_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct write_job *write = (struct write_job *)job;
    (void)view;
    write->leased = write->changed = DONE;
    if (write->leave) {
        if (presence_leave(scope, write->owner) != DONE)
            log_event(LOG_WARN, "presence not taken out", LOG_T("owner", write->owner)); /* its lease will lapse */
        return;
    }
    if (write->lease)
        write->leased = presence_lease(scope, write->owner, PRESENCE_RELAY_SECONDS, &write->fresh);
    if (write->leased == DONE)
        change(write, scope);
    else
        write->changed = BROKEN;
    if (write->sweep && write->leased == DONE && presence_sweep(scope) != DONE)
        write->leased = BROKEN;
}

/* --- and back --- */

/* Pages that are here are those of the members; of those that are gone the ones that are not being told of are due. */
static void forgotten(struct presence *presence)
{
    for (size_t i = 0; i < presence->due_count; i++)
        presence->due[(presence->due_first + i) % presence->due_size]->known = ABSENT;
    for (struct hub_room *room = hub_rooms(presence->relay->hub); room; room = room->next) {
        for (struct hub_member *member = room->members; member; member = member->next_in_room) {
            if (!member->page || member->page->out)
                continue;
            member->page->known = ABSENT;
            make_due(presence, member->page);
        }
    }
}

static void heard_of_change(struct write_job *write)
{
    struct presence *presence = write->presence;
    bool done = write->changed == DONE;
    for (size_t i = 0; i < write->came_count; i++) {
        struct page *page = write->came_pages[i];
        page->out = false;
        page->known = done && !page->changed ? PRESENT : UNSURE;
        if (!page->member || page->known != PRESENT)
            make_due(presence, page);
    }
    for (size_t i = 0; i < write->went_count; i++) {
        struct page *page = write->went_pages[i];
        page->out = false;
        if (done)
            page_free(page);
        else
            make_due(presence, page);
    }
    write->came_count = write->went_count = 0;
}

static void write_done(struct job *job)
{
    struct write_job *write = (struct write_job *)job;
    struct presence *presence = write->presence;
    int64_t now = relay_now(presence->relay);
    presence->out = false;
    if (write->leave) {
        presence->end = LEFT;
        return;
    }
    if (write->lease && write->leased == DONE)
        presence->leased = true;
    if (write->fresh)
        forgotten(presence);
    heard_of_change(write);
    if (write->changed == MISSING) /* we were swept; the next write asks for a lease first */
        presence->leased = false;
    if (write->leased == BROKEN || write->changed == BROKEN)
        presence->retry_at = now + RETRY_MS;
    presence_soon(presence);
}

/* --- the tick --- */

/* The memory goes with the last: there are long times with none. */
static struct page *take_due(struct presence *presence)
{
    struct page *page = presence->due[presence->due_first];
    presence->due_first = (presence->due_first + 1) % presence->due_size;
    page->due = false;
    if (--presence->due_count)
        return page;
    free(presence->due);
    presence->due = NULL;
    presence->due_size = 0;
    return page;
}

static void add(struct write_job *write, struct page *page)
{
    char ref[PRESENCE_REF_SIZE];
    presence_ref(write->presence, page, ref);
    struct presence_page row = { .room_id = room_of(page),
                                 .ref = text_copy(write->job.arena, text_of(ref)),
                                 .user_id = page->guest ? 0 : page->user_id,
                                 .name = text_copy(write->job.arena, page->guest ? text_of(page->name) : TEXT("")) };
    page->out = true;
    page->changed = false;
    if (page->member) {
        write->came_pages[write->came_count] = page;
        write->came[write->came_count++] = row;
    } else {
        write->went_pages[write->went_count] = page;
        write->went[write->went_count++] = row;
    }
}

/* Pages of a write that nobody hears of any more: nobody else knows those that are gone. */
static void give_up(void *arg)
{
    struct write_job *write = arg;
    for (size_t i = 0; i < write->came_count; i++)
        if (!write->came_pages[i]->member)
            page_free(write->came_pages[i]);
    for (size_t i = 0; i < write->went_count; i++)
        page_free(write->went_pages[i]);
}

static void collect(struct presence *presence, struct write_job *write)
{
    struct arena *arena = write->job.arena;
    size_t most = presence->due_count < CHANGES_MOST ? presence->due_count : CHANGES_MOST;
    write->came = arena_array(arena, most, sizeof *write->came);
    write->went = arena_array(arena, most, sizeof *write->went);
    write->came_pages = arena_array(arena, most, sizeof *write->came_pages);
    write->went_pages = arena_array(arena, most, sizeof *write->went_pages);
    arena_own(arena, write, give_up);
    while (presence->due_count && write->came_count + write->went_count < most) {
        struct page *page = take_due(presence);
        if (!page->member && page->known == ABSENT)
            page_free(page);
        else if (!page->member || page->known != PRESENT)
            add(write, page);
    }
}

static void submit(struct presence *presence, struct write_job *write)
{
    write->owner = text_copy(write->job.arena, text_of(presence->owner));
    presence->out = true;
    pool_submit(presence->relay->pool, &write->job);
}

static struct write_job *write_new(struct presence *presence)
{
    struct write_job *write = job_new(sizeof *write, write_work, write_done);
    write->presence = presence;
    return write;
}

static void write_some(struct presence *presence)
{
    int64_t now = relay_now(presence->relay);
    bool lease = !presence->leased || now - presence->leased_at >= PRESENCE_RENEW_SECONDS * 1000;
    bool sweep = now - presence->swept_at >= SWEEP_MS;
    if (presence->out || presence->end != STAYING || now < presence->retry_at ||
        !(lease || sweep || presence->due_count))
        return;
    struct write_job *write = write_new(presence);
    write->lease = lease;
    write->sweep = sweep;
    if (lease)
        presence->leased_at = now;
    if (sweep)
        presence->swept_at = now;
    if (presence->due_count)
        collect(presence, write);
    submit(presence, write);
}

static void go(uv_timer_t *timer)
{
    struct presence *presence = timer->data;
    if (!source_connected_since(presence->relay->source))
        return; /* whoever finds it again calls */
    write_some(presence);
    crowd_read(presence->crowds);
    if (presence->due_count || crowd_waiting(presence->crowds))
        presence_soon(presence);
}

void presence_soon(struct presence *presence)
{
    if (presence->end == STAYING && !uv_is_active((uv_handle_t *)&presence->soon))
        uv_timer_start(&presence->soon, go, TICK_MS, 0);
}

/* Twice for a bell: one that was told a moment ago is not told the first time. Held polls look again by themselves at
 * the end of their window: many of them are not woken more often than that. */
static void wake_polls(struct presence *presence)
{
    struct relay *relay = presence->relay;
    int64_t now = relay_now(relay), apart = (int64_t)relay->peer_count * POLLS_MS;
    if (!presence->rung || now - presence->woken_at < (apart > POLLS_APART_MS ? apart : POLLS_APART_MS))
        return;
    presence->rung--;
    presence->woken_at = now;
    longpoll_ring_all(relay);
}

void presence_tick(struct presence *presence)
{
    crowd_tick(presence->crowds);
    wake_polls(presence);
    presence_soon(presence);
}

void presence_rang(struct presence *presence, struct text rooms)
{
    presence->rung = 2;
    poll_presence_rang();
    crowd_rang(presence->crowds, rooms);
}

void presence_renewed(struct presence *presence)
{
    presence->leased = false;
    presence->retry_at = 0;
    crowd_rang_all(presence->crowds);
    presence_soon(presence);
}

/* --- beginning and end --- */

struct presence *presence_new(struct relay *relay)
{
    struct presence *presence = calloc(1, sizeof *presence);
    unsigned char bytes[9];
    must(presence != NULL);
    presence->relay = relay;
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(presence->owner, sizeof presence->owner, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    presence->crowds = crowds_new(relay, presence);
    uv_timer_init(relay->loop, &presence->soon);
    presence->soon.data = presence;
    return presence;
}

bool presence_ended(struct presence *presence)
{
    if (!source_connected_since(presence->relay->source))
        return true; /* the lease will lapse */
    if (presence->end == STAYING && !presence->out) {
        struct write_job *write = write_new(presence);
        write->leave = true;
        presence->end = LEAVING;
        submit(presence, write);
    }
    return presence->end == LEFT;
}

void presence_free(struct presence **gone)
{
    struct presence *presence = *gone;
    if (!presence)
        return;
    while (presence->due_count)
        page_free(take_due(presence));
    crowds_free(&presence->crowds);
    handles_close(presence, (void *[]){ &presence->soon }, 1);
    *gone = NULL;
}
