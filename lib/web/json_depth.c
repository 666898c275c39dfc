#include "web/json_depth.h"

bool json_shallow(struct text json)
{
    bool quoted = false;
    int depth = 0;
    for (size_t i = 0; i < json.len && depth <= JSON_DEPTH_MAX; i++) {
        char c = json.at[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            i += c == '\\';
        else
            depth += (c == '[' || c == '{') - (c == ']' || c == '}');
    }
    return depth <= JSON_DEPTH_MAX;
}
