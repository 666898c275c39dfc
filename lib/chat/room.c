#include "chat/room.h"

#include "base/arena.h"
#include "base/utf8.h"
#include "chat/bell.h"
#include "chat/message.h"
#include "chat/presence.h"
#include "chat/scope.h"
#include "db/db.h"
#include "queries.h"

/* $2: the slug */
static void param_slug(struct params *params, const struct scope *scope, struct text slug)
{
    scope_param(scope, params);
    param_text(params, scope->arena, slug);
}

/* Who only asks how a room stands only asks who is here. */
static const struct query *people_query(const struct query *query)
{
    return query == &query_room_stand ? &query_presence_pages : &query_presence_people;
}

static struct rows find(const struct scope *scope, const struct query *query, struct text slug,
                        const struct params *params, struct rows *people)
{
    struct params people_params = { 0 };
    if (!people)
        return db_run(scope->db, scope->arena, query, params);
    param_slug(&people_params, scope, slug);
    return db_read_both(scope->db, scope->arena, query, params, people_query(query), &people_params, people);
}

/* The row and the epoch must be of one database: where the connection was made anew between the two, both are read
 * again. */
static struct rows find_with_epoch(const struct scope *scope, const struct query *query, struct text slug,
                                   const struct params *params, struct text *epoch, struct rows *people)
{
    for (int tries = 0; tries < 3; tries++) {
        const char *before = db_epoch(scope->db, scope->arena);
        if (!before)
            break;
        *epoch = text_copy(scope->arena, text_of(before));
        struct rows rows = find(scope, query, slug, params, people);
        const char *after = rows.status == DB_DONE ? db_epoch(scope->db, scope->arena) : NULL;
        if (rows.status != DB_DONE || (after && text_is(*epoch, after)))
            return rows;
    }
    return (struct rows){ .status = DB_AWAY };
}

static bool slug_possible(struct text slug)
{
    enum { SLUG_MAX = 60 };
    return slug.len > 0 && slug.len <= SLUG_MAX && utf8_valid(slug) && !text_has_nul(slug);
}

/* The rows of a room by its slug. people: those of who is here, from the same trip, or NULL. */
static enum outcome find_by_slug(const struct scope *scope, const struct query *query, struct text slug,
                                 const struct params *params, struct rows *rows, struct text *epoch,
                                 struct rows *people)
{
    *rows = find_with_epoch(scope, query, slug, params, epoch, people);
    return rows_outcome(rows);
}

static struct room room_from_row(const struct rows *rows)
{
    return (struct room){ .id = row_number(rows, 0, 0),
                          .slug = row_text(rows, 0, 1),
                          .name = row_text(rows, 0, 2),
                          .rev = row_number(rows, 0, 3) };
}

enum outcome room_find(const struct scope *scope, struct text slug, struct room *out)
{
    struct params params = { 0 };
    struct rows rows;
    struct text epoch;
    if (!slug_possible(slug))
        return MISSING;
    param_slug(&params, scope, slug);
    enum outcome outcome = find_by_slug(scope, &query_room_find, slug, &params, &rows, &epoch, NULL);
    if (outcome != DONE)
        return outcome;
    *out = room_from_row(&rows);
    out->epoch = epoch;
    return DONE;
}

/* They come newest first, most likely, so this finds them in order. */
static void sort_by_seq(struct messages *messages)
{
    for (size_t i = 1; i < messages->count; i++)
        for (size_t k = i; k && messages->items[k - 1].seq > messages->items[k].seq; k--) {
            struct message other = messages->items[k];
            messages->items[k] = messages->items[k - 1];
            messages->items[k - 1] = other;
        }
}

/* Columns as sql/queries/message.sql has them in message_room_latest: a message's, then the room's. */
static void latest_from_rows(const struct scope *scope, const struct rows *rows, struct room *room,
                             struct messages *messages)
{
    *room = (struct room){ .slug = row_text(rows, 0, 4),
                           .id = row_number(rows, 0, 16),
                           .name = row_text(rows, 0, 17),
                           .rev = row_number(rows, 0, 18) };
    size_t count = row_null(rows, 0, 0) ? 0 : (size_t)rows->count;
    *messages = (struct messages){ .items = arena_array(scope->arena, count, sizeof *messages->items), .count = count };
    for (size_t i = 0; i < count; i++)
        message_from_row(rows, (int)i, &messages->items[count - 1 - i]);
    sort_by_seq(messages);
}

static void param_latest(struct params *params, const struct scope *scope, struct text slug, int most,
                         const struct room_stand *known)
{
    param_slug(params, scope, slug);
    param_number(params, most);
    if (known) {
        param_number(params, known->id);
        param_number(params, known->rev);
        param_number(params, known->shown);
    } else {
        param_null(params), param_null(params), param_null(params);
    }
}

/* What was known must be of this room in this database, and its numbers the same. */
static bool stands(const struct room_stand *known, const struct room_stand *now)
{
    return known && known->id == now->id && known->rev == now->rev && known->shown == now->shown &&
           text_equal(known->epoch, now->epoch) && text_equal(known->slug, now->slug);
}

static void take_stand(struct room_page *out, const struct room_stand *known, struct text epoch, int64_t shown)
{
    struct room *room = &out->room;
    room->epoch = epoch;
    out->stand =
        (struct room_stand){ .slug = room->slug, .epoch = epoch, .id = room->id, .rev = room->rev, .shown = shown };
    out->unchanged = stands(known, &out->stand);
    out->people_unchanged = false;
}

/* people: NULL, or the rows of who is here. */
static enum outcome latest(const struct scope *scope, struct text slug, int most, const struct room_stand *known,
                           struct room_page *out, struct rows *people)
{
    struct params params = { 0 };
    struct rows rows;
    struct text epoch;
    if (!slug_possible(slug))
        return MISSING;
    param_latest(&params, scope, slug, most, known);
    enum outcome outcome = find_by_slug(scope, &query_message_room_latest, slug, &params, &rows, &epoch, people);
    if (outcome != DONE)
        return outcome;
    latest_from_rows(scope, &rows, &out->room, &out->messages);
    take_stand(out, known, epoch, row_number(&rows, 0, 19));
    return DONE;
}

enum outcome room_latest(const struct scope *scope, struct text slug, int most, struct room *room,
                         struct messages *messages)
{
    struct room_page page;
    enum outcome outcome = latest(scope, slug, most, NULL, &page, NULL);
    if (outcome != DONE)
        return outcome;
    *room = page.room;
    *messages = page.messages;
    return DONE;
}

/* Only how they stand, and the pages of who is here. */
static enum outcome glance(const struct scope *scope, const struct room_stand *known, struct room_page *out,
                           struct rows *pages)
{
    struct params params = { 0 };
    struct rows rows;
    struct text epoch;
    param_slug(&params, scope, known->slug);
    enum outcome outcome = find_by_slug(scope, &query_room_stand, known->slug, &params, &rows, &epoch, pages);
    if (outcome != DONE)
        return outcome;
    out->room = room_from_row(&rows);
    out->messages = (struct messages){ .count = 0 };
    take_stand(out, known, epoch, row_number(&rows, 0, 4));
    return DONE;
}

/* What did not hold still is read. (If who is here was read later than how they stand that is no harm: names that
 * changed in between make them stand otherwise next time.) */
static enum outcome steady_page(const struct scope *scope, int most, const struct room_stand *known,
                                struct room_page *out, struct rows *people)
{
    struct params params = { 0 };
    enum outcome outcome = glance(scope, known, out, people);
    if (outcome != DONE)
        return outcome;
    if (!out->unchanged)
        return latest(scope, known->slug, most, NULL, out, people);
    out->stand.here = presence_here_rows(scope, people);
    out->people_unchanged = out->stand.here.len && text_equal(out->stand.here, known->here);
    if (out->people_unchanged)
        return DONE;
    param_slug(&params, scope, known->slug);
    *people = db_run(scope->db, scope->arena, &query_presence_people, &params);
    return DONE;
}

/* The same numbers in another database say nothing, and the answer to them is then no answer: all is read. */
static enum outcome full_page(const struct scope *scope, struct text slug, int most, const struct room_stand *known,
                              struct room_page *out, struct rows *people)
{
    enum outcome outcome = latest(scope, slug, most, known, out, people);
    if (outcome == DONE && known && !out->unchanged && !out->messages.count)
        outcome = latest(scope, slug, most, NULL, out, people);
    return outcome;
}

/* Who is here is no reason to fail: without the database's answer nobody is shown. */
enum outcome room_page(const struct scope *scope, struct text slug, int most, const struct room_stand *known,
                       struct room_page *out)
{
    struct rows people;
    bool steady = known && known->steady;
    enum outcome outcome =
        steady ? steady_page(scope, most, known, out, &people) : full_page(scope, slug, most, known, out, &people);
    out->people = (struct presence_list){ .count = 0 };
    if (outcome != DONE || out->people_unchanged)
        return outcome;
    out->stand.here = TEXT("");
    if (people.status != DB_DONE)
        return DONE;
    out->people = presence_people(scope, slug, &people);
    out->stand.here = presence_here(scope, &out->people);
    return DONE;
}

void room_foretell(const struct scope *scope, struct text slug, int most, const struct room_stand *known)
{
    struct params *stand = arena_alloc(scope->arena, sizeof *stand);
    struct params *people = arena_alloc(scope->arena, sizeof *people);
    if (!slug_possible(slug))
        return;
    bool steady = known && known->steady;
    if (steady)
        param_slug(stand, scope, slug);
    else
        param_latest(stand, scope, slug, most, known);
    const struct query *query = steady ? &query_room_stand : &query_message_room_latest;
    db_foretell(scope->db, query, stand);
    param_slug(people, scope, slug);
    db_foretell(scope->db, people_query(query), people);
}

enum outcome room_moved(const struct scope *scope, const int64_t *ids, size_t count, struct room_mark **out,
                        size_t *out_count)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    param_numbers(&params, scope->arena, ids, count);
    struct rows rows = db_run(scope->db, scope->arena, &query_room_moved, &params);
    if (rows.status != DB_DONE)
        return BROKEN;
    *out_count = (size_t)rows.count;
    *out = arena_array(scope->arena, *out_count, sizeof **out);
    for (int i = 0; i < rows.count; i++)
        (*out)[i] = (struct room_mark){ row_number(&rows, i, 0), row_number(&rows, i, 1) };
    return DONE;
}

/* A statement that was lost may be committed later than we could ring: who runs it again rings again (posting.c). */
static void ring_after(const struct scope *scope, int64_t id, const struct rows *rows, const struct params *ring)
{
    if (rows->status == DB_AWAY || rows->status == DB_FAILED || bell_ring(scope->bell, id) || rows->status == DB_LOST)
        return;
    struct rows rung = db_run(scope->db, scope->arena, &query_room_ring, ring);
    (void)rung; /* whether it could be rung is logged, and no matter */
}

struct rows room_change(const struct scope *scope, int64_t id, const struct query *query, const struct params *params)
{
    struct params ring = { 0 };
    scope_param(scope, &ring);
    param_number(&ring, id);
    if (!bell_there(scope->bell))
        return db_run_then(scope->db, scope->arena, query, params, &query_room_ring, &ring);
    struct rows rows = db_run(scope->db, scope->arena, query, params);
    ring_after(scope, id, &rows, &ring);
    return rows;
}

enum outcome room_ring(const struct scope *scope, const int64_t *ids, size_t count)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    if (count)
        param_numbers(&params, scope->arena, ids, count);
    const struct query *query = count ? &query_room_ring_many : &query_room_ring_all;
    return db_run(scope->db, scope->arena, query, &params).status == DB_DONE ? DONE : BROKEN;
}
