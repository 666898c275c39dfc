#include "relay/listing.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "chat/scope.h"
#include "live/frame.h"
#include "live/presence_events.h"
#include "relay/broadcast.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

struct broadcast *listing_frame(struct text topic, const json_t *join_ref, const char *event, struct text payload)
{
    struct buffer text = buffer_new(TEXT_MAX);
    frame_push_text(&text, join_ref, topic, event, payload);
    struct broadcast *frame = broadcast_frame(OPCODE_TEXT, buffer_view(&text), 0);
    buffer_free(&text);
    return frame;
}

static void release(void *arg)
{
    struct list_job *list = arg;
    arena_free(&list->found.arena);
    broadcast_release(&list->all);
    broadcast_release(&list->change);
}

static struct text payload(struct list_job *list, void (*write)(struct buffer *, const struct presence_list *))
{
    struct buffer text = buffer_new(TEXT_MAX);
    write(&text, &list->found.list);
    struct text copy = text_copy(list->found.arena, buffer_view(&text));
    buffer_free(&text);
    return copy;
}

static struct broadcast *two(struct broadcast *first, struct broadcast *second)
{
    struct broadcast *both = broadcast_join((struct broadcast *const[]){ first, second }, 2);
    broadcast_release(&first);
    broadcast_release(&second);
    return both;
}

/* What those hear who know the list as it was. */
static struct broadcast *change(const struct list_job *list)
{
    const struct found *is = &list->found, *was = list->was;
    struct buffer diff = buffer_new(TEXT_MAX);
    struct broadcast *frame = NULL;
    if (!was->arena || was->list.cut != is->list.cut)
        return broadcast_share(list->all);
    if (presence_diff_json(&diff, &was->list, &is->list))
        frame = listing_frame(list->topic, NULL, "presence_diff", buffer_view(&diff));
    buffer_free(&diff);
    if (text_equal(was->count, is->count))
        return frame;
    struct broadcast *count = listing_frame(list->topic, NULL, "presence_count", is->count);
    return frame ? two(frame, count) : count;
}

void listing_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct list_job *list = (struct list_job *)job;
    struct scope own = *scope;
    int64_t begun = clock_now();
    (void)view;
    list->found.arena = own.arena = arena_new();
    arena_own(job->arena, list, release);
    list->outcome = presence_read(&own, list->room_id, &list->found.list);
    if (list->outcome != DONE)
        return;
    list->found.state = payload(list, presence_state_json);
    list->found.count = payload(list, presence_count_json);
    list->all = two(listing_frame(list->topic, NULL, "presence_state", list->found.state),
                    listing_frame(list->topic, NULL, "presence_count", list->found.count));
    list->change = change(list);
    list->took = (clock_now() - begun) / 1000;
}
