#include "chat/room.h"

#include "base/arena.h"
#include "base/utf8.h"
#include "chat/scope.h"
#include "db/db.h"
#include "queries.h"

/* The row and the epoch must be of one database: where the connection was made anew between the two, both are read
 * again. */
static struct rows find_with_epoch(const struct scope *scope, const struct params *params, struct text *epoch)
{
    for (int tries = 0; tries < 3; tries++) {
        const char *before = db_epoch(scope->db, scope->arena);
        if (!before)
            break;
        *epoch = text_copy(scope->arena, text_of(before));
        struct rows rows = db_run(scope->db, scope->arena, &query_room_find, params);
        const char *after = rows.status == DB_DONE ? db_epoch(scope->db, scope->arena) : NULL;
        if (rows.status != DB_DONE || (after && text_is(*epoch, after)))
            return rows;
    }
    return (struct rows){ .status = DB_AWAY };
}

enum outcome room_find(const struct scope *scope, struct text slug, struct room *out)
{
    enum { SLUG_MAX = 60 };
    struct params params = { 0 };
    struct text epoch;
    if (slug.len == 0 || slug.len > SLUG_MAX || !utf8_valid(slug) || text_has_nul(slug))
        return MISSING;
    scope_param(scope, &params);
    param_text(&params, scope->arena, slug);
    struct rows rows = find_with_epoch(scope, &params, &epoch);
    if (rows.status != DB_DONE)
        return BROKEN;
    if (rows.count == 0)
        return MISSING;
    *out = (struct room){ .id = row_number(&rows, 0, 0),
                          .slug = row_text(&rows, 0, 1),
                          .name = row_text(&rows, 0, 2),
                          .rev = row_number(&rows, 0, 3),
                          .epoch = epoch };
    return DONE;
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

void room_ring(const struct scope *scope, int64_t id)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    param_number(&params, id);
    struct rows rows = db_run(scope->db, scope->arena, &query_room_ring, &params);
    (void)rows; /* logged where it failed; the relays' sweep makes up for it */
}
