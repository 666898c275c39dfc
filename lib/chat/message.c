#include "chat/message.h"

#include "base/arena.h"
#include "chat/scope.h"
#include "db/db.h"
#include "queries.h"

enum { MESSAGE_COLUMNS = 16 };

/* Columns as sql/queries/message.sql defines them. */
void message_from_row(const struct rows *rows, int row, struct message *message)
{
    *message = (struct message){
        .id = row_number(rows, row, 0),
        .seq = row_number(rows, row, 1),
        .rev = row_number(rows, row, 2),
        .room_id = row_number(rows, row, 3),
        .room = row_text(rows, row, 4),
        .name = row_text(rows, row, 5),
        .message = row_text(rows, row, 6),
        .user_id = row_number(rows, row, 7),
        .userid = row_text(rows, row, 8),
        .user_name = row_text(rows, row, 9),
        .user_picture = row_text(rows, row, 10),
        .guest = row_text(rows, row, 11),
        .client_id = row_text(rows, row, 12),
        .inserted_at = row_number(rows, row, 13),
        .edited_at = row_number(rows, row, 14),
        .deleted = row_bool(rows, row, 15),
    };
    if (!message->deleted)
        return;
    message->user_id = 0; /* the row keeps its author's key for retries; nobody is shown it */
    message->userid = message->user_name = message->user_picture = message->guest = TEXT("");
}

static enum outcome read_messages(const struct scope *scope, const struct query *query, const struct params *params,
                                  struct messages *out)
{
    struct rows rows = db_run(scope->db, scope->arena, query, params);
    if (rows.status != DB_DONE)
        return BROKEN;
    out->count = (size_t)rows.count;
    out->revoked = query == &query_message_changed && rows.count ? row_number(&rows, 0, MESSAGE_COLUMNS) : 0;
    out->items = arena_array(scope->arena, out->count, sizeof *out->items);
    for (int i = 0; i < rows.count; i++)
        message_from_row(&rows, i, &out->items[i]);
    return DONE;
}

enum outcome message_by_client_id(const struct scope *scope, struct text client_id, struct message *out)
{
    struct params params = { 0 };
    struct messages found;
    scope_param(scope, &params);
    param_text_or_null(&params, scope->arena, scope->guest);
    param_text(&params, scope->arena, client_id);
    if (read_messages(scope, &query_message_by_client_id, &params, &found) != DONE)
        return BROKEN;
    if (found.count == 0)
        return MISSING;
    *out = found.items[0];
    return DONE;
}

/* $2 the room, $3 a number to read from, $4 at most so many. */
static enum outcome read_from(const struct scope *scope, const struct query *query, int64_t room_id, int64_t from,
                              int most, struct messages *out)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    param_number(&params, room_id);
    param_number(&params, from);
    param_number(&params, most);
    return read_messages(scope, query, &params, out);
}

enum outcome message_latest(const struct scope *scope, int64_t room_id, int most, struct messages *out)
{
    return message_before(scope, room_id, INT64_MAX, most, out);
}

enum outcome message_before(const struct scope *scope, int64_t room_id, int64_t seq, int most, struct messages *out)
{
    return read_from(scope, &query_message_before, room_id, seq, most, out);
}

enum outcome message_changed(const struct scope *scope, int64_t room_id, int64_t rev, int most, struct messages *out)
{
    return read_from(scope, &query_message_changed, room_id, rev, most, out);
}

enum outcome message_find(const struct scope *scope, struct text slug, int64_t id, struct message *out)
{
    struct params params = { 0 };
    struct messages found;
    scope_param(scope, &params);
    param_text(&params, scope->arena, slug);
    param_number(&params, id);
    if (read_messages(scope, &query_message_find, &params, &found) != DONE)
        return BROKEN;
    if (found.count == 0)
        return MISSING;
    *out = found.items[0];
    return DONE;
}
