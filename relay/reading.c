#include "relay/reading.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "chat/message.h"
#include "chat/room.h"
#include "db/db.h"
#include "live/channel.h"
#include "relay/broadcast.h"

enum { EVENT_BYTES_MAX = 4 * 1024 * 1024, EVENT_USUAL = 2000 };

static void release_told(void *arg)
{
    struct read_room *room = arg;
    for (size_t i = 0; i < room->told_count; i++)
        broadcast_release(&room->told[i]);
    broadcast_release(&room->joined);
}

/* *revoked: the counter of ended sessions, as in the snapshot that the messages are of. */
static enum outcome read_room(struct read_room *room, struct scope *scope, const struct view *view, int64_t *revoked)
{
    struct messages messages;
    /* one more, which is not told: it says whether there is more */
    enum outcome outcome = message_changed(scope, room->ring.id, room->rev, READING_MOST + 1, &messages);
    if (outcome != DONE)
        return outcome;
    if (messages.count)
        *revoked = messages.revoked;
    room->told = arena_array(scope->arena, messages.count, sizeof(struct broadcast *));
    arena_own(scope->arena, room, release_told);
    size_t bytes = 0, i = 0;
    struct buffer text = buffer_new(EVENT_BYTES_MAX);
    buffer_expect(&text, EVENT_USUAL);
    for (; i < messages.count && i < READING_MOST && bytes < READING_BYTES; i++) {
        buffer_clear(&text);
        if (channel_event(scope, view, room->topic, &messages.items[i], &text))
            room->told[room->told_count++] = broadcast_frame(OPCODE_TEXT, buffer_view(&text), messages.items[i].rev);
        bytes += text.len;
        room->to = messages.items[i].rev;
    }
    buffer_free(&text);
    if (room->told_count == 1)
        room->joined = broadcast_share(room->told[0]);
    else if (room->told_count)
        room->joined = broadcast_join(room->told, room->told_count);
    room->more = i < messages.count;
    return DONE;
}

static int by_id(const void *a, const void *b)
{
    int64_t left = ((const struct room_mark *)a)->id, right = ((const struct room_mark *)b)->id;
    return (left > right) - (left < right);
}

/* Ask for all counters: which rooms are gone, which went back, and which are wanted because they moved. */
static enum outcome sweep(struct read_job *read, struct scope *scope, bool *wanted)
{
    struct room_mark *marks;
    size_t count;
    int64_t *ids = arena_array(scope->arena, read->count, sizeof *ids);
    for (size_t i = 0; i < read->count; i++)
        ids[i] = read->rooms[i].ring.id;
    enum outcome outcome = room_moved(scope, ids, read->count, &marks, &count);
    if (outcome != DONE)
        return outcome;
    if (count)
        qsort(marks, count, sizeof *marks, by_id);
    for (size_t i = 0; i < read->count; i++) {
        struct room_mark key = { .id = ids[i] };
        const struct room_mark *mark = count ? bsearch(&key, marks, count, sizeof *marks, by_id) : NULL;
        read->rooms[i].gone = !mark;
        if (mark && mark->rev < read->rooms[i].rev)
            read->rooms[i].other = true;
        wanted[i] = mark && mark->rev > read->rooms[i].rev;
    }
    return DONE;
}

/* Read the log of ended sessions as far as the messages that were read, or as it goes. */
static enum outcome follow(struct read_job *read, struct scope *scope, const char *epoch, int64_t revoked)
{
    return revoked == read->ends.to ? DONE : ending_follow(scope, &read->ends, epoch);
}

static enum outcome read_all(struct read_job *read, struct scope *scope, const struct view *view, const char *epoch)
{
    enum outcome outcome = DONE;
    bool *wanted = arena_array(scope->arena, read->count, sizeof *wanted);
    memset(wanted, 1, read->count);
    for (size_t i = 0; i < read->count; i++)
        read->rooms[i].other = strcmp(epoch, read->rooms[i].epoch) != 0;
    if (read->ends_due || strcmp(epoch, read->ends.epoch) != 0)
        outcome = ending_follow(scope, &read->ends, epoch);
    if (outcome == DONE && read->sweep)
        outcome = sweep(read, scope, wanted);
    int64_t revoked = read->ends.to;
    for (size_t i = 0; outcome == DONE && i < read->count; i++) {
        if (wanted[i] && !read->rooms[i].other)
            outcome = read_room(&read->rooms[i], scope, view, &revoked);
        if (outcome == DONE)
            outcome = follow(read, scope, epoch, revoked);
        revoked = read->ends.to;
    }
    return outcome;
}

void reading_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct read_job *read = (struct read_job *)job;
    const char *now = db_epoch(scope->db, scope->arena);
    const char *epoch = now ? arena_copy(scope->arena, now, strlen(now)) : NULL;
    read->outcome = epoch ? read_all(read, scope, view, epoch) : BROKEN;
    now = epoch ? db_epoch(scope->db, scope->arena) : NULL;
    if (now && strcmp(now, epoch) == 0)
        return;
    read->outcome = BROKEN; /* the connection was opened anew, and to another database: what was read is of both */
    read->ends.done = false;
}
