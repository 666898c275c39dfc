#include "chat/user.h"

#include <sodium.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "chat/password.h"
#include "chat/throttle.h"
#include "db/constraint.h"
#include "db/db.h"
#include "queries.h"

/* Columns as sql/queries/user.sql defines them. */
static struct user from_row(const struct rows *rows, int row)
{
    return (struct user){ .id = row_number(rows, row, 0),
                          .userid = row_text(rows, row, 1),
                          .name = row_text(rows, row, 2),
                          .email = row_text(rows, row, 3),
                          .role = row_text(rows, row, 4),
                          .confirmed = row_bool(rows, row, 5),
                          .banned = row_bool(rows, row, 6),
                          .inserted_at = row_number(rows, row, 7),
                          .picture = row_text(rows, row, 8),
                          .phone = row_text(rows, row, 9),
                          .confirmed_at = row_number(rows, row, 10) };
}

/* --- what may be --- */

static bool email_shaped(struct text email)
{
    size_t ats = 0;
    for (size_t i = 0; i < email.len; i++) {
        ats += email.at[i] == '@';
        if (strchr(",; \t\n\v\f\r", email.at[i]))
            return false;
    }
    return ats == 1 && email.at[0] != '@' && email.at[email.len - 1] != '@';
}

static void check_email(struct text email, struct errors *errors)
{
    if (email.len == 0)
        errors_add(errors, "email", "can't be blank");
    else if (!utf8_valid(email) || text_has_nul(email) || utf8_has_control(email) || !email_shaped(email))
        errors_add(errors, "email", "must have the @ sign and no spaces");
    else if (utf8_count(email) > USER_EMAIL_MAX)
        errors_add(errors, "email", "should be at most 160 character(s)");
}

static void check_name(struct text name, struct errors *errors)
{
    if (!utf8_valid(name) || text_has_nul(name) || utf8_has_control(name) || utf8_has_line_break(name))
        errors_add(errors, "name", "must be on one line, without control characters");
    else if (utf8_invisible(name))
        errors_add(errors, "name", "can't be blank");
    else if (utf8_count(name) > USER_NAME_MAX)
        errors_add(errors, "name", "should be at most 60 character(s)");
}

static bool check_role(struct text role, struct errors *errors)
{
    if (text_is(role, "member") || text_is(role, "moderator") || text_is(role, "admin"))
        return true;
    errors_add(errors, "role", "must be member, moderator or admin");
    return false;
}

static struct text random_word(struct arena *arena, const char *before, size_t len)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    char word[32];
    for (size_t i = 0; i < len; i++)
        word[i] = letters[randombytes_uniform(sizeof letters - 1)];
    return text_of(arena_printf(arena, "%s%.*s", before, (int)len, word));
}

/* --- the operator's --- */

/* What a statement that may break a rule came to. */
static enum outcome outcome_of(const struct rows *rows, struct errors *errors)
{
    if (rows->status == DB_CONFLICT && constraint_explain(rows->constraint, errors))
        return INVALID;
    return rows_outcome(rows);
}

static enum outcome insert(const struct scope *scope, const struct user *user, struct text kept, struct errors *errors)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, user->userid);
    param_text(&params, scope->arena, user->name);
    param_text(&params, scope->arena, user->email);
    param_text_or_null(&params, scope->arena, kept);
    param_text(&params, scope->arena, user->role);
    struct rows rows = db_run(scope->db, scope->arena, &query_user_add, &params);
    return outcome_of(&rows, errors);
}

enum outcome user_add(const struct scope *scope, const struct user_new *new, struct errors *errors, struct user *out)
{
    struct arena *arena = scope->arena;
    struct text kept = TEXT("");
    struct user user = { .userid = random_word(arena, "u", 12),
                         .name = new->name.len ? utf8_tidy(arena, new->name) : random_word(arena, "member-", 5),
                         .email = utf8_tidy(arena, new->email),
                         .role = new->role.len ? new->role : TEXT("member") };
    check_email(user.email, errors);
    check_name(user.name, errors);
    check_role(user.role, errors);
    if (new->password.len)
        password_check(scope->config, new->password, user.email, user.name, errors);
    if (errors_any(errors))
        return INVALID;
    if (new->password.len && password_hash(scope->config, arena, new->password, &kept) != DONE)
        return BROKEN;
    enum outcome outcome = insert(scope, &user, kept, errors);
    return outcome == DONE ? user_by_email(scope, user.email, out) : outcome;
}

enum outcome user_by_email(const struct scope *scope, struct text email, struct user *out)
{
    struct params params = { 0 };
    if (email.len > PASSWORD_BYTES_MAX || !utf8_valid(email) || text_has_nul(email))
        return MISSING;
    param_text(&params, scope->arena, email);
    struct rows rows = db_run(scope->db, scope->arena, &query_user_by_email, &params);
    if (rows_outcome(&rows) == DONE)
        *out = from_row(&rows, 0);
    return rows_outcome(&rows);
}

enum outcome user_self(const struct scope *scope, struct user *out)
{
    struct params params = { 0 };
    scope_param(scope, &params);
    struct rows rows = db_run(scope->db, scope->arena, &query_user_self, &params);
    if (rows_outcome(&rows) == DONE)
        *out = from_row(&rows, 0);
    return rows_outcome(&rows);
}

enum outcome user_list(const struct scope *scope, struct text after, size_t most, struct user **out, size_t *count)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, after);
    param_number(&params, (int64_t)most);
    struct rows rows = db_run(scope->db, scope->arena, &query_user_list, &params);
    if (rows.status != DB_DONE)
        return BROKEN;
    *count = (size_t)rows.count;
    *out = arena_array(scope->arena, *count, sizeof **out);
    for (int i = 0; i < rows.count; i++)
        (*out)[i] = from_row(&rows, i);
    return DONE;
}

enum outcome user_set_role(const struct scope *scope, const struct user *user, struct text role, struct errors *errors)
{
    struct params params = { 0 };
    if (!check_role(role, errors))
        return INVALID;
    param_number(&params, user->id);
    param_text(&params, scope->arena, role);
    struct rows rows = db_run(scope->db, scope->arena, &query_user_set_role, &params);
    return outcome_of(&rows, errors);
}

enum outcome user_set_password(const struct scope *scope, const struct user *user, struct text password,
                               struct text keep, struct errors *errors)
{
    struct params params = { 0 };
    struct text kept;
    if (!password_check(scope->config, password, user->email, user->name, errors))
        return INVALID;
    if (password_hash(scope->config, scope->arena, password, &kept) != DONE)
        return BROKEN;
    param_number(&params, user->id);
    param_text(&params, scope->arena, kept);
    param_text_or_null(&params, scope->arena, keep);
    struct rows rows = db_run(scope->db, scope->arena, &query_user_set_password, &params);
    return rows.status != DB_DONE ? BROKEN : row_bool(&rows, 0, 0) ? DONE : MISSING;
}

enum outcome user_set_banned(const struct scope *scope, const struct user *user, bool banned)
{
    struct params params = { 0 };
    struct errors errors = { 0 };
    param_number(&params, user->id);
    param_text(&params, scope->arena, banned ? TEXT("true") : TEXT("false"));
    struct rows rows = db_run(scope->db, scope->arena, &query_user_set_banned, &params);
    return outcome_of(&rows, &errors);
}

/* --- by password --- */

/* Text that cannot be anybody's is looked for as nothing. */
static void param_account(struct params *params, const struct scope *scope, struct text text)
{
    bool possible = text.len <= PASSWORD_BYTES_MAX && utf8_valid(text) && !text_has_nul(text);
    param_text_or_null(params, scope->arena, possible ? text : TEXT(""));
}

struct account {
    struct text email, userid; /* one of the two; the other is empty */
    int64_t id;
    struct text kept; /* of the password */
    bool again;       /* should be kept anew */
};

static enum outcome verify(const struct scope *scope, struct text password, struct account *account)
{
    struct params params = { 0 };
    param_account(&params, scope, account->email);
    param_account(&params, scope, account->userid);
    struct rows rows = db_run(scope->db, scope->arena, &query_user_secret, &params);
    if (rows.status != DB_DONE)
        return BROKEN;
    bool known = rows.count > 0 && !row_bool(&rows, 0, 2);
    account->id = known ? row_number(&rows, 0, 0) : 0;
    account->kept = known ? row_text(&rows, 0, 1) : TEXT("");
    return password_verify(scope->config, scope->arena, password, account->kept, &account->again);
}

/* The same password with today's parameters; what goes wrong is logged, and done the next time. False: something else
 * is kept by now, perhaps by a sign-in at the same moment. */
static bool rehash(const struct scope *scope, struct text password, struct account *account)
{
    struct text anew;
    if (password_hash(scope->config, scope->arena, password, &anew) != DONE)
        return true;
    struct params params = { 0 };
    param_number(&params, account->id);
    param_text(&params, scope->arena, account->kept);
    param_text(&params, scope->arena, anew);
    struct rows rows = db_run(scope->db, scope->arena, &query_user_rehash, &params);
    if (rows.status == DB_DONE && rows.count)
        account->kept = anew;
    return rows.status != DB_DONE || rows.count;
}

enum outcome user_by_password(const struct scope *scope, struct text email, struct text userid, struct text password,
                              struct errors *errors, int64_t *user_id, struct text *password_hash)
{
    struct text tidy = utf8_tidy(scope->arena, email), typed = email.len ? tidy : userid;
    struct account account = { .email = tidy, .userid = email.len ? TEXT("") : userid };
    enum outcome outcome = throttle_sign_in(scope, typed, &errors->retry_after);
    for (bool settled = false; outcome == DONE && !settled;) {
        outcome = verify(scope, password, &account);
        settled = outcome != DONE || !account.again || rehash(scope, password, &account);
    }
    if (outcome != DONE)
        return outcome;
    *user_id = account.id;
    *password_hash = account.kept;
    throttle_signed_in(scope, typed);
    return DONE;
}
