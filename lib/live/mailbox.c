#include "live/mailbox.h"

#include "base/arena.h"
#include "base/log.h"
#include "chat/scope.h"
#include "db/db.h"
#include "queries.h"

/* --- putting --- */

/* The columns of letters, as arrays. */
struct columns {
    struct text *refs, *frames, *facts, *topics, *join_refs;
    int64_t *rooms, *revs;
};

static struct columns columns_new(struct arena *arena, size_t count)
{
    return (struct columns){ .refs = arena_array(arena, count, sizeof(struct text)),
                             .frames = arena_array(arena, count, sizeof(struct text)),
                             .facts = arena_array(arena, count, sizeof(struct text)),
                             .topics = arena_array(arena, count, sizeof(struct text)),
                             .join_refs = arena_array(arena, count, sizeof(struct text)),
                             .rooms = arena_array(arena, count, sizeof(int64_t)),
                             .revs = arena_array(arena, count, sizeof(int64_t)) };
}

static void columns_set(struct columns *columns, size_t i, const struct letter *letter)
{
    columns->refs[i] = letter->ref;
    columns->frames[i] = letter->frames;
    if (letter->fact == LETTER_PLAIN)
        return;
    columns->facts[i] = letter->fact == LETTER_JOINED ? TEXT("join") : TEXT("leave");
    columns->topics[i] = letter->topic.topic;
    columns->join_refs[i] = letter->topic.join_ref;
    columns->rooms[i] = letter->topic.room_id;
    columns->revs[i] = letter->topic.rev;
}

enum outcome mailbox_put(const struct scope *scope, const char *sid, const struct letter *letters, size_t count)
{
    struct arena *arena = scope->arena;
    struct params params = { 0 };
    if (!count)
        return DONE;
    struct columns columns = columns_new(arena, count);
    for (size_t i = 0; i < count; i++)
        columns_set(&columns, i, &letters[i]);
    param_text(&params, arena, text_of(sid));
    param_texts(&params, arena, columns.refs, count);
    param_texts(&params, arena, columns.frames, count);
    param_texts(&params, arena, columns.facts, count);
    param_texts(&params, arena, columns.topics, count);
    param_texts(&params, arena, columns.join_refs, count);
    param_numbers(&params, arena, columns.rooms, count);
    param_numbers(&params, arena, columns.revs, count);
    struct rows rows = db_run(scope->db, arena, &query_mailbox_put, &params);
    if (rows.status == DB_CONFLICT)
        log_event(LOG_ERROR, "constraint broken", LOG_S("constraint", rows.constraint));
    return rows.status == DB_DONE ? DONE : BROKEN;
}

enum outcome mailbox_answered(const struct scope *scope, const char *sid, const struct text *refs, size_t count,
                              bool *out)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, text_of(sid));
    param_texts(&params, scope->arena, refs, count);
    struct rows rows = db_run(scope->db, scope->arena, &query_mailbox_answered, &params);
    for (size_t i = 0; i < count; i++) {
        out[i] = false;
        for (int row = 0; row < rows.count && refs[i].len && !out[i]; row++)
            out[i] = text_equal(row_text(&rows, row, 0), refs[i]);
    }
    return rows.status == DB_DONE ? DONE : BROKEN;
}

/* --- reading --- */

static struct letter letter_from_row(const struct rows *rows, int row)
{
    struct letter letter = { .seq = row_number(rows, row, 0),
                             .frames = row_text(rows, row, 1),
                             .bytes = (size_t)row_number(rows, row, 7) };
    if (row_null(rows, row, 2))
        return letter;
    letter.fact = text_is(row_text(rows, row, 2), "join") ? LETTER_JOINED : LETTER_LEFT;
    letter.topic = (struct cursor_topic){ .topic = row_text(rows, row, 3),
                                          .room_id = row_number(rows, row, 5),
                                          .rev = row_number(rows, row, 6) };
    if (!row_null(rows, row, 4))
        letter.topic.join_ref = row_text(rows, row, 4);
    return letter;
}

static enum outcome read_letters(const struct scope *scope, const struct query *query, const struct params *params,
                                 struct letters *out)
{
    struct rows rows = db_run(scope->db, scope->arena, query, params);
    if (rows.status != DB_DONE)
        return BROKEN;
    out->count = (size_t)rows.count;
    out->items = arena_array(scope->arena, out->count, sizeof *out->items);
    for (int i = 0; i < rows.count; i++)
        out->items[i] = letter_from_row(&rows, i);
    return DONE;
}

enum outcome mailbox_after(const struct scope *scope, const char *sid, int64_t position, struct letters *out)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, text_of(sid));
    param_number(&params, position);
    param_number(&params, MAILBOX_READ_MOST);
    param_number(&params, MAILBOX_READ_BYTES);
    return read_letters(scope, &query_mailbox_after, &params, out);
}

enum outcome mailbox_facts(const struct scope *scope, const char *sid, int64_t position, struct letters *out)
{
    struct params params = { 0 };
    size_t bytes = 0;
    param_text(&params, scope->arena, text_of(sid));
    param_number(&params, position);
    param_number(&params, MAILBOX_LETTERS_MAX);
    enum outcome outcome = read_letters(scope, &query_mailbox_facts, &params, out);
    if (outcome != DONE)
        return outcome;
    for (size_t i = 0; i < out->count; i++)
        bytes += out->items[i].bytes;
    return out->count < MAILBOX_LETTERS_MAX && bytes < MAILBOX_BYTES_MAX ? DONE : LIMITED;
}

/* --- the rest --- */

enum outcome mailbox_forget(const struct scope *scope, const char *sid, int64_t position)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, text_of(sid));
    param_number(&params, position);
    struct rows rows = db_run(scope->db, scope->arena, &query_mailbox_forget, &params);
    return rows.status == DB_DONE ? DONE : BROKEN;
}

void mailbox_ring(const struct scope *scope, const char *sid)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, text_of(sid));
    struct rows rows = db_run(scope->db, scope->arena, &query_mailbox_ring, &params);
    (void)rows; /* logged where it failed */
}

enum outcome mailbox_sweep(struct db *db, struct arena *arena)
{
    struct params params = { 0 };
    param_number(&params, MAILBOX_SECONDS);
    struct rows rows = db_run(db, arena, &query_mailbox_sweep, &params);
    return rows.status == DB_DONE ? DONE : BROKEN;
}

/* --- facts --- */

static bool same_ref(struct text a, struct text b)
{
    return !a.at || !b.at ? !a.at == !b.at : text_equal(a, b);
}

static void end(struct cursor *cursor, struct cursor_topic *topic, struct folded *folded)
{
    folded->closed = true;
    folded->closed_ref = topic->join_ref;
    cursor_leave(cursor, topic);
}

/* A join of the same join_ref is the same join: to close it would close what it opened. */
static void fold_joined(struct arena *arena, struct cursor *cursor, const struct letter *letter, struct folded *folded)
{
    struct cursor_topic *old = cursor_find(cursor, letter->topic.topic);
    if (old) {
        end(cursor, old, folded);
        folded->closed = !same_ref(folded->closed_ref, letter->topic.join_ref);
    }
    if (!letter->topic.room_id)
        return;
    folded->refused = !cursor_fits(cursor, letter->topic.topic, letter->topic.join_ref);
    if (!folded->refused)
        cursor_join(arena, cursor, &letter->topic);
}

struct folded mailbox_fold(struct arena *arena, struct cursor *cursor, const struct letter *letter)
{
    struct folded folded = { .closed = false };
    struct cursor_topic *old = letter->fact == LETTER_LEFT ? cursor_find(cursor, letter->topic.topic) : NULL;
    if (letter->fact == LETTER_JOINED)
        fold_joined(arena, cursor, letter, &folded);
    else if (old && (!letter->topic.join_ref.at || same_ref(old->join_ref, letter->topic.join_ref)))
        end(cursor, old, &folded);
    if (letter->seq > cursor->position)
        cursor->position = letter->seq;
    return folded;
}
