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

static struct rows find(const struct scope *scope, const struct query *query, struct text slug,
                        const struct params *params, struct rows *people)
{
    struct params people_params = { 0 };
    if (!people)
        return db_run(scope->db, scope->arena, query, params);
    param_slug(&people_params, scope, slug);
    return db_read_both(scope->db, scope->arena, query, params, &query_presence_people, &people_params, people);
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

/* The rows of a room by its slug. most: the query's $3, or NULL where it has none. people: those of who is here, from
 * the same trip, or NULL. */
static enum outcome find_by_slug(const struct scope *scope, const struct query *query, struct text slug,
                                 const int *most, struct rows *rows, struct text *epoch, struct rows *people)
{
    struct params params = { 0 };
    if (!slug_possible(slug))
        return MISSING;
    param_slug(&params, scope, slug);
    if (most)
        param_number(&params, *most);
    *rows = find_with_epoch(scope, query, slug, &params, epoch, people);
    if (rows->status != DB_DONE)
        return BROKEN;
    return rows->count ? DONE : MISSING;
}

enum outcome room_find(const struct scope *scope, struct text slug, struct room *out)
{
    struct rows rows;
    struct text epoch;
    enum outcome outcome = find_by_slug(scope, &query_room_find, slug, NULL, &rows, &epoch, NULL);
    if (outcome == DONE)
        *out = (struct room){ .id = row_number(&rows, 0, 0),
                              .slug = row_text(&rows, 0, 1),
                              .name = row_text(&rows, 0, 2),
                              .rev = row_number(&rows, 0, 3),
                              .epoch = epoch };
    return outcome;
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

static enum outcome latest(const struct scope *scope, struct text slug, int most, struct room *room,
                           struct messages *messages, struct rows *people)
{
    struct rows rows;
    struct text epoch;
    enum outcome outcome = find_by_slug(scope, &query_message_room_latest, slug, &most, &rows, &epoch, people);
    if (outcome != DONE)
        return outcome;
    latest_from_rows(scope, &rows, room, messages);
    room->epoch = epoch;
    return DONE;
}

enum outcome room_latest(const struct scope *scope, struct text slug, int most, struct room *room,
                         struct messages *messages)
{
    return latest(scope, slug, most, room, messages, NULL);
}

/* Who is here is no reason to fail: without the database's answer nobody is shown. */
enum outcome room_page(const struct scope *scope, struct text slug, int most, struct room_page *out)
{
    struct rows people;
    enum outcome outcome = latest(scope, slug, most, &out->room, &out->messages, &people);
    if (outcome == DONE && people.status == DB_DONE)
        out->people = presence_people(scope, slug, &people);
    else
        out->people = (struct presence_list){ .count = 0 };
    return outcome;
}

void room_foretell(const struct scope *scope, struct text slug, int most)
{
    struct params *latest = arena_alloc(scope->arena, sizeof *latest);
    struct params *people = arena_alloc(scope->arena, sizeof *people);
    if (!slug_possible(slug))
        return;
    param_slug(latest, scope, slug);
    param_number(latest, most);
    db_foretell(scope->db, &query_message_room_latest, latest);
    param_slug(people, scope, slug);
    db_foretell(scope->db, &query_presence_people, people);
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
