/* What an asker must be to be let in: the column `needs` of the table of routes and of the table of topics, and the one
 * place where it is judged. (What somebody may do to a row is a matter of the query that finds the row.) */
#ifndef CONFAB_CHAT_NEEDS_H
#define CONFAB_CHAT_NEEDS_H

struct scope;

/* Bits: all of them must hold. What needs more than a session names only the more. */
enum needs {
    NEEDS_NOTHING = 0,
    NEEDS_WRITER = 1 << 0,    /* may write at all: members, and guests where site.guests is on */
    NEEDS_SESSION = 1 << 1,   /* is signed in */
    NEEDS_CONFIRMED = 1 << 2, /* with an address that is confirmed */
    NEEDS_RECENT = 1 << 3,    /* signed in at most ten minutes ago: the page of a sensitive action */
    NEEDS_ACTION = 1 << 4,    /* at most twenty minutes ago: the action */
    NEEDS_MODERATOR = 1 << 5, /* or admin */
    NEEDS_ADMIN = 1 << 6,
};

/* SIGN_IN: nobody is signed in. SIGN_IN_AGAIN: it is too long ago. FORBIDDEN: signing in would not help. */
enum allowance { ALLOWED, SIGN_IN, SIGN_IN_AGAIN, UNCONFIRMED, FORBIDDEN };

/* Judge a scope that was made by web/session.h. The first thing in the way is answered, in the order above: whoever
 * would be forbidden anyhow is not asked to sign in again. */
enum allowance needs_judge(const struct scope *, unsigned needs) __attribute__((warn_unused_result));

#endif
