#include "chat/token.h"

#include <sodium.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "base/utf8.h"
#include "chat/scope.h"
#include "db/db.h"
#include "queries.h"

static const char *const contexts[] = { [TOKEN_SESSION] = "session", [TOKEN_API] = "api" };

static const char *const ends[] = {
    [TOKEN_SIGNED_OUT] = "signed_out", [TOKEN_REVOKED] = "revoked",   [TOKEN_EXPIRED] = "expired",
    [TOKEN_BANNED] = "banned",         [TOKEN_REPLACED] = "replaced",
};

const char *token_end_name(enum token_end end)
{
    return ends[end];
}

const char *token_end_known(struct text name)
{
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (text_is(name, ends[i]))
            return ends[i];
    return ends[TOKEN_REVOKED];
}

struct text token_hash(struct arena *arena, struct text jti)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)jti.at, jti.len);
    return text_base64url(arena, hash, sizeof hash);
}

static enum role role_of(struct text name)
{
    return text_is(name, "admin") ? ROLE_ADMIN : text_is(name, "moderator") ? ROLE_MODERATOR : ROLE_MEMBER;
}

static enum token_context context_of(struct text name)
{
    return text_is(name, contexts[TOKEN_API]) ? TOKEN_API : TOKEN_SESSION;
}

/* Columns as sql/queries/token.sql defines them. */
static struct token from_row(const struct rows *rows, int row)
{
    return (struct token){
        .hash = row_text(rows, row, 0),
        .context = context_of(row_text(rows, row, 1)),
        .id = row_number(rows, row, 2),
        .user_id = row_number(rows, row, 3),
        .userid = row_text(rows, row, 4),
        .name = row_text(rows, row, 5),
        .picture = row_text(rows, row, 6),
        .role = role_of(row_text(rows, row, 7)),
        .confirmed = row_bool(rows, row, 8),
        .csrf_secret = row_text(rows, row, 9),
        .remembered = row_bool(rows, row, 10),
        .signed_in = row_number(rows, row, 11),
        .expires_at = row_number(rows, row, 12),
        .renewal_due = row_bool(rows, row, 13),
        .sight_due = row_bool(rows, row, 14),
    };
}

enum outcome token_find_many(const struct scope *scope, const struct text *hashes, size_t count, struct token *out,
                             size_t *out_count)
{
    struct params params = { 0 };
    param_texts(&params, scope->arena, hashes, count);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_find_many, &params);
    if (rows.status != DB_DONE)
        return BROKEN;
    must((size_t)rows.count <= count); /* a hash is unique; the caller gives each once */
    for (int i = 0; i < rows.count; i++)
        out[i] = from_row(&rows, i);
    *out_count = (size_t)rows.count;
    return DONE;
}

enum outcome token_find(const struct scope *scope, struct text hash, struct token *out)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, hash);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_find, &params);
    if (rows_outcome(&rows) == DONE)
        *out = from_row(&rows, 0);
    return rows_outcome(&rows);
}

/* As it fits into its column, whatever the server in front makes of it. */
static void param_address(struct params *params, const struct scope *scope)
{
    enum { ADDRESS_MOST = 60 };
    param_text_or_null(params, scope->arena, utf8_first(scope->arena, scope->address, ADDRESS_MOST));
}

enum outcome token_start(const struct scope *scope, const struct token_new *new, struct token *out)
{
    struct params params = { 0 };
    bool session = new->context == TOKEN_SESSION;
    param_number(&params, new->user_id);
    param_text(&params, scope->arena, text_of(contexts[new->context]));
    param_text(&params, scope->arena, new->hash);
    param_text_or_null(&params, scope->arena, new->csrf_secret);
    param_text(&params, scope->arena, new->remembered ? TEXT("true") : TEXT("false"));
    param_number(&params, session ? TOKEN_SESSION_SECONDS : TOKEN_API_SECONDS);
    param_text_or_null(&params, scope->arena, new->user_agent);
    param_address(&params, scope);
    param_text_or_null(&params, scope->arena, new->replaces);
    param_text_or_null(&params, scope->arena, new->password_hash);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_start, &params);
    if (rows_outcome(&rows) == DONE)
        *out = from_row(&rows, 0);
    return rows_outcome(&rows);
}

enum outcome token_renew(const struct scope *scope, struct token *token)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    param_number(&params, token->id);
    param_number(&params, TOKEN_SESSION_SECONDS);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_renew, &params);
    if (rows_outcome(&rows) == DONE)
        token->expires_at = row_number(&rows, 0, 0);
    return rows_outcome(&rows);
}

void token_seen(const struct scope *scope, const int64_t *ids, size_t count)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    param_numbers(&params, scope->arena, ids, count);
    param_address(&params, scope);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_seen, &params);
    (void)rows; /* logged where it failed */
}

void token_still_open(const struct scope *scope, const int64_t *ids, size_t count)
{
    struct params params = { 0 };
    param_numbers(&params, scope->arena, ids, count);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_still_open, &params);
    (void)rows; /* logged where it failed */
}

const char *token_end_reason(const struct scope *scope, struct text hash)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, hash);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_end_reason, &params);
    if (rows.status != DB_DONE)
        return NULL;
    return rows.count ? token_end_known(row_text(&rows, 0, 0)) : ends[TOKEN_REVOKED];
}

bool token_just_replaced(const struct scope *scope, struct text hash)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, hash);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_just_replaced, &params);
    return rows.status != DB_DONE || rows.count;
}

static bool hash_possible(struct text hash)
{
    unsigned char bytes[crypto_hash_sha256_BYTES];
    size_t len;
    return hash.len == TOKEN_HASH_LEN && text_unbase64url(hash, bytes, sizeof bytes, &len) && len == sizeof bytes;
}

enum outcome token_end(const struct scope *scope, struct text hash, enum token_end why)
{
    struct params params = { 0 };
    if (!scope_member(scope) || !hash_possible(hash))
        return MISSING;
    scope_param(scope, &params);
    param_text(&params, scope->arena, hash);
    param_text(&params, scope->arena, text_of(ends[why]));
    struct rows rows = db_run(scope->db, scope->arena, &query_token_end, &params);
    return rows.status != DB_DONE ? BROKEN : rows.count ? DONE : MISSING;
}

enum outcome token_end_all(const struct scope *scope, enum token_end why, struct text keep, size_t *ended)
{
    struct params params = { 0 };
    if (!scope_member(scope))
        return DENIED;
    scope_param(scope, &params);
    param_text(&params, scope->arena, text_of(ends[why]));
    param_text_or_null(&params, scope->arena, keep);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_end_all, &params);
    *ended = rows.status == DB_DONE ? (size_t)rows.count : 0;
    return rows.status == DB_DONE ? DONE : BROKEN;
}

enum outcome token_list(const struct scope *scope, int64_t user_id, struct token_line **out, size_t *count)
{
    struct params params = { 0 };
    param_number(&params, user_id);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_list, &params);
    if (rows.status != DB_DONE)
        return BROKEN;
    *count = (size_t)rows.count;
    *out = arena_array(scope->arena, *count, sizeof **out);
    for (int i = 0; i < rows.count; i++)
        (*out)[i] = (struct token_line){ .hash = row_text(&rows, i, 0),
                                         .context = context_of(row_text(&rows, i, 1)),
                                         .inserted_at = row_number(&rows, i, 2),
                                         .last_seen_at = row_number(&rows, i, 3),
                                         .expires_at = row_number(&rows, i, 4),
                                         .user_agent = row_text(&rows, i, 5),
                                         .address = row_text(&rows, i, 6) };
    return DONE;
}

enum outcome token_revoke(const struct scope *scope, struct text hash)
{
    struct params params = { 0 };
    if (!hash_possible(hash))
        return MISSING;
    param_text(&params, scope->arena, hash);
    struct rows rows = db_run(scope->db, scope->arena, &query_token_revoke, &params);
    return rows.status != DB_DONE ? BROKEN : rows.count ? DONE : MISSING;
}

enum outcome revocations_read(const struct scope *scope, int64_t after, struct revocations *out)
{
    struct params params = { 0 };
    param_number(&params, after);
    param_number(&params, REVOCATIONS_MOST);
    struct rows rows = db_run(scope->db, scope->arena, &query_revocation_read, &params);
    if (rows.status != DB_DONE || rows.count == 0)
        return BROKEN;
    *out = (struct revocations){ .last = row_number(&rows, 0, 0),
                                 .swept = row_number(&rows, 0, 1),
                                 .now = row_number(&rows, 0, 2),
                                 .count = row_null(&rows, 0, 3) ? 0 : (size_t)rows.count };
    out->items = arena_array(scope->arena, out->count, sizeof *out->items);
    for (size_t i = 0; i < out->count; i++)
        out->items[i] = (struct revocation){ .id = row_number(&rows, (int)i, 3),
                                             .hash = row_text(&rows, (int)i, 4),
                                             .reason = row_text(&rows, (int)i, 5),
                                             .ends_at = row_number(&rows, (int)i, 6),
                                             .over = row_bool(&rows, (int)i, 7) };
    return DONE;
}
