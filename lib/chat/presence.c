#include "chat/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "chat/message_rules.h"
#include "chat/scope.h"
#include "db/db.h"
#include "queries.h"

enum outcome presence_lease(const struct scope *scope, struct text owner, int seconds, bool *fresh)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, owner);
    param_number(&params, seconds);
    struct rows rows = db_run(scope->db, scope->arena, &query_presence_lease, &params);
    if (rows.status != DB_DONE || rows.count != 1)
        return BROKEN;
    *fresh = row_bool(&rows, 0, 0);
    return DONE;
}

/* $n: rooms, $n+1: refs. */
static void param_pages(struct params *params, const struct scope *scope, const struct presence_page *pages,
                        size_t count)
{
    int64_t *rooms = arena_array(scope->arena, count, sizeof *rooms);
    struct text *refs = arena_array(scope->arena, count, sizeof *refs);
    for (size_t i = 0; i < count; i++) {
        rooms[i] = pages[i].room_id;
        refs[i] = pages[i].ref;
    }
    param_numbers(params, scope->arena, rooms, count);
    param_texts(params, scope->arena, refs, count);
}

static void param_people(struct params *params, const struct scope *scope, const struct presence_page *pages,
                         size_t count)
{
    int64_t *users = arena_array(scope->arena, count, sizeof *users);
    struct text *names = arena_array(scope->arena, count, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        users[i] = pages[i].user_id;
        names[i] = pages[i].name;
    }
    param_numbers(params, scope->arena, users, count);
    param_texts(params, scope->arena, names, count);
}

enum outcome presence_change(const struct scope *scope, struct text owner, const struct presence_page *came,
                             size_t came_count, const struct presence_page *went, size_t went_count)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, owner);
    param_pages(&params, scope, came, came_count);
    param_people(&params, scope, came, came_count);
    param_pages(&params, scope, went, went_count);
    struct rows rows = db_run(scope->db, scope->arena, &query_presence_change, &params);
    if (rows.status == DB_CONFLICT && strcmp(rows.constraint, "presences_owner_fkey") == 0)
        return MISSING;
    return rows.status == DB_DONE ? DONE : BROKEN;
}

enum outcome presence_leave(const struct scope *scope, struct text owner)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, owner);
    struct rows rows = db_run(scope->db, scope->arena, &query_presence_leave, &params);
    return rows.status == DB_DONE ? DONE : BROKEN;
}

enum outcome presence_sweep(const struct scope *scope)
{
    struct rows rows = db_run(scope->db, scope->arena, &query_presence_sweep, &(struct params){ .count = 0 });
    return rows.status == DB_DONE ? DONE : BROKEN;
}

enum outcome presence_poll(const struct scope *scope, struct text sid, const int64_t *ids, size_t count)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, text_of(arena_printf(scope->arena, "poll:%.*s", TEXT_ARGS(sid))));
    param_number(&params, PRESENCE_POLL_SECONDS);
    param_text(&params, scope->arena, text_of(arena_printf(scope->arena, "p%.*s", TEXT_ARGS(sid))));
    param_numbers(&params, scope->arena, ids, count);
    param_number(&params, scope->user_id);
    struct rows rows = db_run(scope->db, scope->arena, &query_presence_poll, &params);
    return rows.status == DB_DONE ? DONE : BROKEN;
}

struct text presence_name(const struct scope *scope, struct text typed)
{
    struct errors errors = { 0 };
    struct text name = scope_member(scope) || !typed.len ? TEXT("") : message_name(scope, typed, &errors);
    return errors_any(&errors) ? TEXT("") : name;
}

enum outcome presence_typing(const struct scope *scope, int64_t room_id, struct text ref)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    param_number(&params, room_id);
    param_text(&params, scope->arena, ref);
    param_text_or_null(&params, scope->arena, scope->token);
    struct rows rows = db_run(scope->db, scope->arena, &query_presence_typing, &params);
    return rows.status == DB_DONE ? DONE : BROKEN;
}

static struct presence_entry entry_from_row(const struct rows *rows, int row)
{
    return (struct presence_entry){ .ref = row_text(rows, row, 2),
                                    .key = row_text(rows, row, 3),
                                    .user_id = row_number(rows, row, 4),
                                    .userid = row_text(rows, row, 5),
                                    .name = row_text(rows, row, 6),
                                    .picture = row_text(rows, row, 7),
                                    .online_at = row_number(rows, row, 8) };
}

enum outcome presence_read(const struct scope *scope, int64_t room_id, struct presence_list *out)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    param_number(&params, room_id);
    struct rows rows = db_run(scope->db, scope->arena, &query_presence_read, &params);
    if (rows.status != DB_DONE || rows.count == 0)
        return BROKEN;
    *out = (struct presence_list){ .people = row_number(&rows, 0, 0),
                                   .guests = row_number(&rows, 0, 1),
                                   .count = row_null(&rows, 0, 2) ? 0 : (size_t)rows.count };
    out->cut = out->people + out->guests > PRESENCE_KEYS_MOST;
    out->entries = arena_array(scope->arena, out->count, sizeof *out->entries);
    for (size_t i = 0; i < out->count; i++)
        out->entries[i] = entry_from_row(&rows, (int)i);
    return DONE;
}

/* More than are named are counted by themselves: that takes as long as there are many, and few rooms have so many. */
static int64_t count_people(const struct scope *scope, struct text slug, int64_t least)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    param_text(&params, scope->arena, slug);
    struct rows rows = db_run(scope->db, scope->arena, &query_presence_count, &params);
    int64_t count = rows.status == DB_DONE && rows.count ? row_number(&rows, 0, 0) : least;
    return count > least ? count : least;
}

struct presence_list presence_people(const struct scope *scope, struct text slug, const struct rows *rows)
{
    if (rows->count == 0)
        return (struct presence_list){ .count = 0 };
    int first = row_null(rows, 0, 0); /* the guests stand before the people */
    size_t named = (size_t)(rows->count - first);
    struct presence_list list = { .people = (int64_t)named, .guests = first ? row_number(rows, 0, 4) : 0 };
    list.cut = named > PRESENCE_KEYS_FEW;
    for (int i = 0; i < rows->count; i++)
        list.pages += row_number(rows, i, 4);
    list.count = list.cut ? PRESENCE_KEYS_FEW : named;
    if (list.cut)
        list.people = count_people(scope, slug, list.people);
    list.entries = arena_array(scope->arena, list.count, sizeof *list.entries);
    for (size_t i = 0; i < list.count; i++)
        list.entries[i] = (struct presence_entry){ .user_id = row_number(rows, (int)i + first, 0),
                                                   .userid = row_text(rows, (int)i + first, 1),
                                                   .name = row_text(rows, (int)i + first, 2),
                                                   .picture = row_text(rows, (int)i + first, 3) };
    return list;
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The first number is that of guests, the others are users' ids, and become those of different users in order. */
static struct text here_bytes(int64_t *numbers, size_t count)
{
    size_t kept = 1;
    qsort(numbers + 1, count - 1, sizeof *numbers, by_number);
    for (size_t i = 1; i < count; i++)
        if (kept == 1 || numbers[kept - 1] != numbers[i])
            numbers[kept++] = numbers[i];
    return (struct text){ (const char *)numbers, kept * sizeof *numbers };
}

struct text presence_here(const struct scope *scope, const struct presence_list *list)
{
    if (list->cut || list->pages > PRESENCE_PAGES_FEW)
        return TEXT("");
    int64_t *numbers = arena_array(scope->arena, list->count + 1, sizeof *numbers);
    numbers[0] = list->guests;
    for (size_t i = 0; i < list->count; i++)
        numbers[i + 1] = list->entries[i].user_id;
    return here_bytes(numbers, list->count + 1);
}

struct text presence_here_rows(const struct scope *scope, const struct rows *rows)
{
    size_t count = 1;
    if (rows->status != DB_DONE || rows->count > PRESENCE_PAGES_FEW)
        return TEXT("");
    int64_t *numbers = arena_array(scope->arena, (size_t)rows->count + 1, sizeof *numbers);
    for (int i = 0; i < rows->count; i++) {
        if (row_null(rows, i, 0))
            numbers[0]++;
        else
            numbers[count++] = row_number(rows, i, 0);
    }
    return here_bytes(numbers, count);
}
