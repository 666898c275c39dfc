#include "chat/scope.h"

#include "base/config.h"
#include "db/db.h"

bool scope_member(const struct scope *scope)
{
    return scope->user_id != 0;
}

bool scope_may_post(const struct scope *scope)
{
    return scope_member(scope) || (scope->guest.len && scope->config->site_guests);
}

void scope_param(const struct scope *scope, struct params *params)
{
    if (scope_member(scope))
        param_number(params, scope->user_id);
    else
        param_null(params);
}
