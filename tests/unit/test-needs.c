/* The one guard: every kind of asker against every need. */
#include "../support/tap.h"

#include "../support/settings.h"
#include "base/arena.h"
#include "chat/needs.h"
#include "chat/scope.h"

/* One letter an answer: + allowed, s sign in, a sign in again, u unconfirmed, - forbidden. */
static char letter(enum allowance allowance)
{
    return "+sau-"[allowance];
}

static const struct {
    const char *name;
    unsigned needs;
} columns[] = {
    { "nothing", NEEDS_NOTHING },     { "writer", NEEDS_WRITER }, { "session", NEEDS_SESSION },
    { "confirmed", NEEDS_CONFIRMED }, { "recent", NEEDS_RECENT }, { "action", NEEDS_ACTION },
    { "moderator", NEEDS_MODERATOR }, { "admin", NEEDS_ADMIN },   { "recent admin", NEEDS_ADMIN | NEEDS_RECENT },
};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void row(const char *who, const struct scope *scope, const char *expected)
{
    for (size_t i = 0; i < COLUMNS; i++)
        ok(letter(needs_judge(scope, columns[i].needs)) == expected[i], "%s, %s: %c", who, columns[i].name,
           expected[i]);
}

int main(void)
{
    struct arena *arena = arena_new();
    const struct config *open = settings(arena, "[session]\nkeys = " SETTINGS_KEY_A "\n");
    const struct config *closed = settings(arena, "[site]\nguests = off\n[session]\nkeys = " SETTINGS_KEY_A "\n");
    struct scope nobody = { .config = open }, guest = { .config = open, .guest = TEXT("0123456789abcdef") };
    struct scope shut_out = guest, member = { .config = closed, .user_id = 7, .confirmed = true, .signed_in = 60 };
    struct scope unconfirmed = member, stale = member, staler = member, moderator = member, admin = member;
    shut_out.config = closed;
    unconfirmed.confirmed = false;
    stale.signed_in = 601;
    staler.signed_in = 1201;
    moderator.role = ROLE_MODERATOR;
    admin.role = ROLE_ADMIN;
    struct scope stale_admin = admin;
    stale_admin.signed_in = 601;
    row("nobody", &nobody, "+-sssssss");
    row("a guest", &guest, "++sssssss");
    row("a guest where guests may not write", &shut_out, "+-sssssss");
    row("a member", &member, "++++++---");
    row("an unconfirmed member", &unconfirmed, "+++u++---");
    row("a member of eleven minutes ago", &stale, "++++a+---");
    row("a member of twenty-one minutes ago", &staler, "++++aa---");
    row("a moderator", &moderator, "+++++++--");
    row("an admin", &admin, "+++++++++");
    row("an admin of eleven minutes ago", &stale_admin, "++++a+++a");
    arena_free(&arena);
    return done();
}
