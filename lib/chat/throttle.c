#include "chat/throttle.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "chat/scope.h"
#include "db/db.h"
#include "queries.h"

/* One person can have a whole IPv6 /64, so that counts as one address. */
static const char *address_key(const struct scope *scope)
{
    unsigned char bytes[16];
    char network[INET6_ADDRSTRLEN] = "";
    const char *address = text_string(scope->arena, scope->address);
    if (inet_pton(AF_INET6, address, bytes) == 1) {
        memset(bytes + 8, 0, 8);
        inet_ntop(AF_INET6, bytes, network, sizeof network);
        address = network;
    } else if (inet_pton(AF_INET, address, bytes) != 1) {
        address = "unknown";
    }
    return arena_printf(scope->arena, "post:address:%s", address);
}

static const char *author_key(const struct scope *scope)
{
    if (scope_member(scope))
        return arena_printf(scope->arena, "post:user:%lld", (long long)scope->user_id);
    return arena_printf(scope->arena, "post:guest:%.*s", TEXT_ARGS(scope->guest));
}

enum outcome throttle_post(const struct scope *scope, int *retry_after)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, text_of(author_key(scope)));
    param_number(&params, scope->config->limits_rate.count);
    param_number(&params, scope->config->limits_rate.period_ms);
    param_text(&params, scope->arena, text_of(address_key(scope)));
    struct rows rows = db_run(scope->db, scope->arena, &query_throttle_take, &params);
    if (rows.status != DB_DONE || rows.count != 1)
        return BROKEN;
    double wait = row_real(&rows, 0, 0);
    if (wait <= 0)
        return DONE;
    *retry_after = wait < 86400 ? (int)wait + 1 : 86400;
    return LIMITED;
}
