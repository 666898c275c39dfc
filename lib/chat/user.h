/* People with an account: how the operator makes and changes them, and who a password belongs to. */
#ifndef CONFAB_CHAT_USER_H
#define CONFAB_CHAT_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"
#include "chat/scope.h"

enum { USER_NAME_MAX = 60, USER_EMAIL_MAX = 160 };

struct user {
    int64_t id;
    struct text userid;                      /* the public name of the row */
    struct text name, picture, email, phone; /* empty: not given */
    struct text role;                        /* "member", "moderator", "admin" */
    bool confirmed, banned;
    int64_t inserted_at, confirmed_at; /* seconds since 1970 */
};

/* Empty texts: not given. Without a name one is made up, never out of the address. */
struct user_new {
    struct text email, name, password, role;
};

/* Add one that counts as confirmed. INVALID fills errors ("email", "name", "password", "role"). */
enum outcome user_add(const struct scope *, const struct user_new *, struct errors *, struct user *out)
    __attribute__((warn_unused_result));

/* Without regard to case. MISSING: nobody has it. */
enum outcome user_by_email(const struct scope *, struct text email, struct user *out)
    __attribute__((warn_unused_result));

/* The asker. MISSING: a guest. */
enum outcome user_self(const struct scope *, struct user *out) __attribute__((warn_unused_result));

/* A page of all, in order of userid, behind that one (empty: from the first). */
enum outcome user_list(const struct scope *, struct text after, size_t most, struct user **out, size_t *count)
    __attribute__((warn_unused_result));

enum outcome user_set_role(const struct scope *, const struct user *, struct text role, struct errors *)
    __attribute__((warn_unused_result));

/* Ends all the user's sessions but the one of the hash `keep` (empty: all of them). */
enum outcome user_set_password(const struct scope *, const struct user *, struct text password, struct text keep,
                               struct errors *) __attribute__((warn_unused_result));

/* Ends all the user's sessions, or lets the user in again. */
enum outcome user_set_banned(const struct scope *, const struct user *, bool banned)
    __attribute__((warn_unused_result));

/* Who signs in with an e-mail (or, where that is empty, a userid) and a password. DONE: *user_id, and what is kept of
 * the password, for token_start. DENIED: there is no such user, or another password, or banned: which of them cannot be
 * told from the answer nor from its time. LIMITED: too many failed (limits.sign_in); errors->retry_after. */
enum outcome user_by_password(const struct scope *, struct text email, struct text userid, struct text password,
                              struct errors *, int64_t *user_id, struct text *password_hash)
    __attribute__((warn_unused_result));

#endif
