/* Lists are kept for a second, so that many polls of one room cost one read. Under a lock: workers share them. */
#include "live/poll_presence.h"

#include <pthread.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "chat/presence.h"
#include "chat/scope.h"
#include "live/frame.h"
#include "live/poll.h"
#include "live/presence_events.h"

enum { KEPT = 64, KEPT_US = 1000000, TEXT_MAX = 4 * 1024 * 1024 };

struct kept {
    int64_t room_id, until; /* clock_steady */
    struct arena *arena;
    struct text state, count;
    uint32_t version;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept all[KEPT];
static uint64_t bells;

void poll_presence_rang(void)
{
    must(pthread_mutex_lock(&lock) == 0);
    bells++;
    for (size_t i = 0; i < KEPT; i++)
        all[i].until = 0;
    must(pthread_mutex_unlock(&lock) == 0);
}

static struct text payload(struct arena *arena, const struct presence_list *list,
                           void (*write)(struct buffer *, const struct presence_list *))
{
    struct buffer text = buffer_new(TEXT_MAX);
    write(&text, list);
    struct text copy = text_copy(arena, buffer_view(&text));
    buffer_free(&text);
    return copy;
}

/* What was kept, copied into the asker's arena. */
static bool look(const struct scope *scope, int64_t room_id, struct kept *out, uint64_t *rung)
{
    must(pthread_mutex_lock(&lock) == 0);
    const struct kept *kept = &all[(uint64_t)room_id % KEPT];
    bool good = kept->room_id == room_id && kept->until > clock_steady();
    *rung = bells;
    if (good)
        *out = (struct kept){ .state = text_copy(scope->arena, kept->state),
                              .count = text_copy(scope->arena, kept->count),
                              .version = kept->version };
    must(pthread_mutex_unlock(&lock) == 0);
    return good;
}

/* Keep it, unless a bell rang since it was asked for. */
static void keep(const struct kept *new, uint64_t rung)
{
    struct arena *arena = arena_new();
    must(pthread_mutex_lock(&lock) == 0);
    struct kept *kept = &all[(uint64_t) new->room_id % KEPT];
    if (rung == bells) {
        arena_free(&kept->arena);
        *kept = *new;
        kept->arena = arena;
        kept->until = clock_steady() + KEPT_US;
        kept->state = text_copy(arena, new->state);
        kept->count = text_copy(arena, new->count);
        arena = NULL;
    }
    must(pthread_mutex_unlock(&lock) == 0);
    arena_free(&arena);
}

static bool find(const struct scope *scope, int64_t room_id, struct kept *out)
{
    struct presence_list list;
    uint64_t rung;
    if (look(scope, room_id, out, &rung))
        return true;
    if (presence_read(scope, room_id, &list) != DONE)
        return false;
    *out = (struct kept){ .room_id = room_id,
                          .state = payload(scope->arena, &list, presence_state_json),
                          .count = payload(scope->arena, &list, presence_count_json),
                          .version = presence_version(&list) };
    keep(out, rung);
    return true;
}

static bool add(struct poll *poll, const struct cursor_topic *topic, const char *event, struct text said)
{
    struct buffer text = buffer_new(TEXT_MAX);
    json_t *join_ref = topic->join_ref.at ? json_stringn(topic->join_ref.at, topic->join_ref.len) : json_null();
    frame_push_text(&text, join_ref, topic->topic, event, said);
    bool added = !text.full && poll_add(poll, buffer_view(&text));
    json_decref(join_ref);
    buffer_free(&text);
    return added;
}

static void tell(const struct scope *scope, struct poll *poll, struct cursor_topic *topic)
{
    struct kept is;
    if (!find(scope, topic->room_id, &is) || is.version == topic->list)
        return;
    if (!add(poll, topic, "presence_state", is.state) || !add(poll, topic, "presence_count", is.count))
        return;
    topic->list = is.version;
    poll->cursor.events = scope->now / 1000000;
}

void poll_presence(const struct scope *scope, struct poll *poll, bool before)
{
    struct cursor *cursor = &poll->cursor;
    int64_t *rooms = arena_array(scope->arena, cursor->count, sizeof *rooms);
    bool due = scope->now / 1000000 - cursor->events >= POLL_PRESENCE_SECONDS;
    if (!before && !cursor->count)
        return;
    for (size_t i = 0; i < cursor->count; i++)
        rooms[i] = cursor->topics[i].room_id;
    if (presence_poll(scope, text_of(cursor->sid), rooms, cursor->count) != DONE)
        return;
    for (size_t i = 0; i < cursor->count; i++)
        if (due || !cursor->topics[i].list)
            tell(scope, poll, &cursor->topics[i]);
}
