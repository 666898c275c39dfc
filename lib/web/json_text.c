#include "web/json_text.h"

#include <stdbool.h>
#include <string.h>

static void escape(struct buffer *out, unsigned char c)
{
    switch (c) {
    case '"': buffer_add(out, "\\\"", 2); break;
    case '\\': buffer_add(out, "\\\\", 2); break;
    case '\n': buffer_add(out, "\\n", 2); break;
    case '\t': buffer_add(out, "\\t", 2); break;
    default: buffer_printf(out, "\\u%04x", c);
    }
}

static bool stands_for_itself(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* The high bit of each byte of eight that is below a limit of 128 at most. Above the first such byte more bits may be
 * set, so it says only whether there is one. */
static uint64_t any_below(uint64_t eight, uint64_t limit)
{
    const uint64_t each = 0x0101010101010101u, high = 0x8080808080808080u;
    return (eight - each * limit) & ~eight & high;
}

size_t json_text_plain(struct text text)
{
    const uint64_t each = 0x0101010101010101u;
    size_t len = 0;
    for (uint64_t eight; text.len - len >= sizeof eight; len += sizeof eight) {
        memcpy(&eight, text.at + len, sizeof eight);
        if (any_below(eight, 0x20) | any_below(eight ^ each * '"', 1) | any_below(eight ^ each * '\\', 1))
            break;
    }
    while (len < text.len && stands_for_itself(text.at[len]))
        len++;
    return len;
}

void json_text_string(struct buffer *out, struct text text)
{
    buffer_char(out, '"');
    for (;;) {
        size_t plain = json_text_plain(text);
        buffer_add(out, text.at, plain);
        if (plain == text.len)
            break;
        escape(out, (unsigned char)text.at[plain]);
        text.at += plain + 1;
        text.len -= plain + 1;
    }
    buffer_char(out, '"');
}

void json_text_string_or_null(struct buffer *out, struct text text)
{
    if (text.len)
        json_text_string(out, text);
    else
        buffer_add(out, "null", 4);
}

void json_text_number(struct buffer *out, int64_t number)
{
    buffer_number(out, number);
}
