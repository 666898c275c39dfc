#include "web/return_to.h"

#include "base/arena.h"
#include "base/config.h"

static bool plain(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~' || text.at[i] == '\\' || text.at[i] == '"' || text.at[i] == '<' ||
            text.at[i] == '>')
            return false;
    return true;
}

/* No empty segment, and none that a browser resolves away. (Behind a last slash there is none.) */
static bool straight(struct text path)
{
    path.at++, path.len--; /* the first slash */
    while (path.len) {
        struct text segment = text_split(&path, '/');
        if (segment.len == 0 || text_is(segment, ".") || text_is(segment, ".."))
            return false;
    }
    return true;
}

static bool below(const struct config *config, struct text path)
{
    struct text base = config->base, bare = { base.at, base.len - 1 };
    return text_equal(path, bare) || (path.len >= base.len && text_equal((struct text){ path.at, base.len }, base));
}

bool return_to_valid(const struct config *config, struct arena *arena, struct text to)
{
    struct text path, query = to, raw = text_split(&query, '?');
    if (to.len == 0 || to.len > RETURN_TO_MAX || to.at[0] != '/' || !plain(to))
        return false;
    if (!text_percent_decode(arena, raw, false, &path))
        return false;
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.at[i] < ' ' || path.at[i] == 0x7F || path.at[i] == '\\')
            return false;
    return straight(raw) && straight(path) && below(config, path);
}
