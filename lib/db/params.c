#include <limits.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/must.h"
#include "db/db.h"

static int next(struct params *params)
{
    must(params->count < PARAMS_MAX);
    return params->count++;
}

void param_null(struct params *params)
{
    params->values[next(params)] = NULL;
}

void param_number(struct params *params, int64_t number)
{
    int i = next(params);
    params->lengths[i] = snprintf(params->numbers[i], PARAM_NUMBER_SIZE, "%lld", (long long)number);
    params->values[i] = params->numbers[i];
}

void param_text(struct params *params, struct arena *arena, struct text text)
{
    must(text.len < INT_MAX && !text_has_nul(text));
    int i = next(params);
    params->values[i] = text_string(arena, text);
    params->lengths[i] = (int)text.len;
}

void param_text_or_null(struct params *params, struct arena *arena, struct text text)
{
    if (text.len)
        param_text(params, arena, text);
    else
        param_null(params);
}

void param_numbers(struct params *params, struct arena *arena, const int64_t *numbers, size_t count)
{
    struct buffer list = buffer_new(1 << 24);
    buffer_char(&list, '{');
    for (size_t i = 0; i < count; i++)
        buffer_printf(&list, i ? ",%lld" : "%lld", (long long)numbers[i]);
    buffer_char(&list, '}');
    must(!list.full);
    param_text(params, arena, buffer_view(&list));
    buffer_free(&list);
}

/* An element of an array literal (PostgreSQL manual, 8.15.6): always quoted, so that only quotes and backslashes mean
 * anything. */
static void add_element(struct buffer *list, struct text text)
{
    if (!text.len) {
        buffer_string(list, "null");
        return;
    }
    size_t begun = 0;
    buffer_char(list, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != '"' && text.at[i] != '\\')
            continue;
        buffer_add(list, text.at + begun, i - begun);
        buffer_char(list, '\\');
        begun = i; /* the character itself is the first of what follows */
    }
    buffer_add(list, text.at + begun, text.len - begun);
    buffer_char(list, '"');
}

void param_texts(struct params *params, struct arena *arena, const struct text *texts, size_t count)
{
    struct buffer list = buffer_new(1 << 26);
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += texts[i].len + sizeof "\"\",";
    buffer_expect(&list, len);
    buffer_char(&list, '{');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_char(&list, ',');
        add_element(&list, texts[i]);
    }
    buffer_char(&list, '}');
    must(!list.full);
    param_text(params, arena, buffer_view(&list));
    buffer_free(&list);
}
