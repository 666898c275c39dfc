#include "db/ahead.h"

#include <string.h>

#include "base/must.h"

void ahead_add(struct ahead *ahead, const struct query *query, const struct params *params)
{
    must(ahead->count < AHEAD_MAX && !ahead->answered);
    ahead->foretold[ahead->count++] = (struct foretold){ .query = query, .params = params };
}

void ahead_clear(struct ahead *ahead)
{
    *ahead = (struct ahead){ .count = 0 };
}

void ahead_answer(struct ahead *ahead, const struct rows *rows)
{
    ahead->answered = ahead->count > 0;
    for (int i = 0; i < ahead->count; i++) {
        ahead->answered = ahead->answered && rows[i].status == DB_DONE;
        ahead->foretold[i].rows = rows[i];
    }
    if (!ahead->answered)
        ahead_clear(ahead);
}

static bool same_value(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same(const struct foretold *foretold, const struct query *query, const struct params *params)
{
    if (foretold->query != query || foretold->params->count != params->count)
        return false;
    for (int i = 0; i < params->count; i++)
        if (!same_value(foretold->params->values[i], params->values[i]))
            return false;
    return true;
}

bool ahead_take(struct ahead *ahead, const struct query *query, const struct params *params, struct rows *out)
{
    for (int i = 0; ahead->answered && i < ahead->count; i++) {
        struct foretold *foretold = &ahead->foretold[i];
        if (!same(foretold, query, params))
            continue;
        foretold->query = NULL;
        *out = foretold->rows;
        return true;
    }
    return false;
}
