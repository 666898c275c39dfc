/* A statement whose COMMIT answer was lost is neither stored nor not stored: it is run again, and the client_id tells.
 * What was stored conflicts with itself and is answered as a repetition. */
#include "chat/posting.h"

#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "chat/message_rules.h"
#include "chat/room.h"
#include "chat/scope.h"
#include "chat/throttle.h"
#include "db/constraint.h"
#include "db/db.h"
#include "queries.h"

/* The author's key of a guest; a member's row has none. */
static struct text guest_key(const struct scope *scope)
{
    return scope_member(scope) ? TEXT("") : scope->guest;
}

/* --- one --- */

static bool is_client_id_conflict(const struct rows *rows)
{
    return strcmp(rows->constraint, "messages_user_client_id_key") == 0 ||
           strcmp(rows->constraint, "messages_guest_client_id_key") == 0;
}

/* The message that was stored with this client_id before, if the new one says the same. */
static enum outcome repeat(struct posting *posting, int64_t room_id)
{
    struct message first;
    if (message_by_client_id(posting->scope, posting->new.client_id, &first) != DONE)
        return BROKEN;
    if (first.room_id != room_id || (!first.deleted && !text_equal(first.message, posting->new.message))) {
        errors_add(&posting->errors, "client_id", "already used");
        return INVALID;
    }
    posting->message = first;
    return DONE;
}

static enum outcome explain(const struct rows *rows, struct errors *errors)
{
    if (constraint_explain(rows->constraint, errors))
        return INVALID;
    log_event(LOG_ERROR, "constraint broken", LOG_S("constraint", rows->constraint));
    return BROKEN;
}

static struct rows insert(const struct posting *posting, int64_t room_id)
{
    const struct scope *scope = posting->scope;
    struct params params = { 0 };
    scope_param(scope, &params);
    param_number(&params, room_id);
    param_text_or_null(&params, scope->arena, guest_key(scope));
    param_text(&params, scope->arena, posting->new.name);
    param_text(&params, scope->arena, posting->new.message);
    param_text(&params, scope->arena, posting->new.client_id);
    struct rows rows = room_change(scope, room_id, &query_message_insert, &params);
    if (rows.status == DB_LOST)
        rows = room_change(scope, room_id, &query_message_insert, &params);
    return rows;
}

/* The message that a row of an inserting query made of a posting. All that the row does not say was told to it. */
static void message_from_insert(const struct rows *rows, int row, int64_t room_id, struct posting *posting)
{
    const struct scope *scope = posting->scope;
    posting->message = (struct message){
        .id = row_number(rows, row, 0),
        .seq = row_number(rows, row, 1),
        .rev = row_number(rows, row, 1),
        .room_id = room_id,
        .room = row_text(rows, row, 3),
        .name = posting->new.name,
        .message = posting->new.message,
        .user_id = scope->user_id,
        .userid = scope->userid,
        .user_name = scope_member(scope) ? scope->name : TEXT(""),
        .user_picture = scope->picture,
        .guest = guest_key(scope),
        .client_id = posting->new.client_id,
        .inserted_at = row_number(rows, row, 2),
    };
}

/* One that has been checked and counted. */
static enum outcome store(struct posting *posting, int64_t room_id)
{
    struct rows rows = insert(posting, room_id);
    if (rows.status == DB_CONFLICT)
        return is_client_id_conflict(&rows) ? repeat(posting, room_id) : explain(&rows, &posting->errors);
    if (rows_outcome(&rows) == DONE)
        message_from_insert(&rows, 0, room_id, posting);
    return rows_outcome(&rows);
}

/* Check it, and put it into its normal form. DONE: it may be counted and stored. */
static enum outcome check(struct posting *posting)
{
    struct message_new typed = posting->new;
    if (!scope_may_post(posting->scope))
        return DENIED;
    return message_check(posting->scope, &typed, &posting->new, &posting->errors) ? DONE : INVALID;
}

enum outcome message_post(const struct scope *scope, int64_t room_id, const struct message_new *new,
                          struct errors *errors, struct message *out)
{
    struct posting posting = { .scope = scope, .new = *new };
    enum outcome outcome = check(&posting);
    if (outcome == DONE)
        outcome = throttle_post(scope, &posting.errors.retry_after);
    if (outcome == DONE)
        outcome = store(&posting, room_id);
    *errors = posting.errors;
    *out = posting.message;
    return outcome;
}

/* --- many --- */

static struct rows insert_many(int64_t room_id, struct posting **good, size_t count)
{
    struct arena *arena = good[0]->scope->arena;
    int64_t *askers = arena_array(arena, count, sizeof *askers);
    struct text *texts[4]; /* guests, names, messages, client_ids */
    struct params params = { 0 };
    for (size_t i = 0; i < 4; i++)
        texts[i] = arena_array(arena, count, sizeof **texts);
    for (size_t i = 0; i < count; i++) {
        askers[i] = good[i]->scope->user_id;
        texts[0][i] = guest_key(good[i]->scope);
        texts[1][i] = good[i]->new.name;
        texts[2][i] = good[i]->new.message;
        texts[3][i] = good[i]->new.client_id;
    }
    param_numbers(&params, arena, askers, count);
    param_number(&params, room_id);
    for (size_t i = 0; i < 4; i++)
        param_texts(&params, arena, texts[i], count);
    return room_change(good[0]->scope, room_id, &query_message_insert_many, &params);
}

/* One by one when they can not be stored together. What a lost statement stored all the same is found by its client_id.
 */
static void store_each(int64_t room_id, struct posting **good, size_t count)
{
    for (size_t i = 0; i < count; i++)
        good[i]->outcome = store(good[i], room_id);
}

static void store_many(int64_t room_id, struct posting **good, size_t count)
{
    if (count == 1) {
        store_each(room_id, good, count);
        return;
    }
    struct rows rows = insert_many(room_id, good, count);
    if (rows.status == DB_AWAY) {
        for (size_t i = 0; i < count; i++)
            good[i]->outcome = BROKEN;
    } else if (rows.status != DB_DONE || (size_t)rows.count != count) {
        store_each(room_id, good, count);
    } else {
        for (size_t i = 0; i < count; i++)
            message_from_insert(&rows, (int)i, room_id, good[i]);
    }
}

void message_post_many(int64_t room_id, struct posting *postings, size_t count)
{
    if (!count)
        return;
    struct posting **good = arena_array(postings[0].scope->arena, count, sizeof(struct posting *));
    size_t good_count = 0;
    for (size_t i = 0; i < count; i++) {
        postings[i].outcome = check(&postings[i]);
        if (postings[i].outcome == DONE)
            good[good_count++] = &postings[i];
    }
    throttle_post_many(good, &good_count);
    if (good_count)
        store_many(room_id, good, good_count);
}
