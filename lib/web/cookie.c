#include "web/cookie.h"

#include "base/arena.h"
#include "base/config.h"

const char *cookie_name(const struct config *config)
{
    return config->secure ? "__Host-confab" : "confab";
}

/* Up to the next separator, of either kind. */
static struct text next_pair(struct text *rest)
{
    size_t len = 0;
    while (len < rest->len && rest->at[len] != ';' && rest->at[len] != ',')
        len++;
    struct text pair = { rest->at, len };
    size_t taken = len < rest->len ? len + 1 : len;
    rest->at += taken;
    rest->len -= taken;
    return text_strip(pair);
}

bool cookie_named(const char *ours, struct text header, struct text *out)
{
    int found = 0;
    *out = TEXT("");
    if (header.len > COOKIE_HEADER_MAX)
        return false;
    while (header.len) {
        struct text value = next_pair(&header), name = text_split(&value, '=');
        if (!text_is(name, ours))
            continue;
        found++;
        *out = found == 1 ? value : TEXT("");
    }
    return found > 0;
}

bool cookie_find(const struct config *config, struct text header, struct text *out)
{
    return cookie_named(cookie_name(config), header, out);
}

struct text cookie_make(const struct config *config, struct arena *arena, const char *name, struct text value,
                        int64_t max_age)
{
    const char *age = max_age == 0 ? "" : arena_printf(arena, "; Max-Age=%lld", (long long)(max_age < 0 ? 0 : max_age));
    return text_of(arena_printf(arena, "%s=%.*s; Path=/; HttpOnly; SameSite=Lax%s%s", name, TEXT_ARGS(value),
                                config->secure ? "; Secure" : "", age));
}

struct text cookie_set(const struct config *config, struct arena *arena, struct text value, int64_t max_age)
{
    return cookie_make(config, arena, cookie_name(config), value, max_age);
}
