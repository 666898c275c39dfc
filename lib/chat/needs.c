#include "chat/needs.h"

#include "chat/scope.h"
#include "chat/token.h"

enum { OF_MEMBERS = NEEDS_SESSION | NEEDS_CONFIRMED | NEEDS_RECENT | NEEDS_ACTION | NEEDS_MODERATOR | NEEDS_ADMIN };

enum allowance needs_judge(const struct scope *scope, unsigned needs)
{
    if ((needs & OF_MEMBERS) && !scope_member(scope))
        return SIGN_IN;
    if ((needs & NEEDS_WRITER) && !scope_may_post(scope))
        return FORBIDDEN;
    if ((needs & NEEDS_MODERATOR) && scope->role < ROLE_MODERATOR)
        return FORBIDDEN;
    if ((needs & NEEDS_ADMIN) && scope->role < ROLE_ADMIN)
        return FORBIDDEN;
    if ((needs & NEEDS_CONFIRMED) && !scope->confirmed)
        return UNCONFIRMED;
    if ((needs & NEEDS_RECENT) && scope->signed_in > TOKEN_RECENT_SECONDS)
        return SIGN_IN_AGAIN;
    if ((needs & NEEDS_ACTION) && scope->signed_in > TOKEN_ACTION_SECONDS)
        return SIGN_IN_AGAIN;
    return ALLOWED;
}
