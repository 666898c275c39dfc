#include "web/json_text.h"

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

void json_text_string(struct buffer *out, struct text text)
{
    size_t begun = 0;
    buffer_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buffer_add(out, text.at + begun, i - begun);
        escape(out, c);
        begun = i + 1;
    }
    buffer_add(out, text.at + begun, text.len - begun);
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
