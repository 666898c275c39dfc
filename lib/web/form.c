#include "web/form.h"

#include "base/arena.h"

static const struct form_field *find(const struct form *form, struct text name)
{
    for (size_t i = 0; i < form->count; i++)
        if (text_equal(form->fields[i].name, name))
            return &form->fields[i];
    return NULL;
}

static bool add(struct arena *arena, struct form *form, struct text pair)
{
    struct form_field field;
    struct text value = pair, name = text_split(&value, '=');
    if (form->count == FORM_FIELDS_MAX || name.len > FORM_NAME_MAX * 3)
        return false;
    if (!text_percent_decode(arena, name, true, &field.name) || !text_percent_decode(arena, value, true, &field.value))
        return false;
    if (field.name.len > FORM_NAME_MAX || find(form, field.name))
        return false;
    form->fields[form->count++] = field;
    return true;
}

bool form_parse(struct arena *arena, struct text encoded, struct form *out)
{
    out->count = 0;
    while (encoded.len) {
        struct text pair = text_split(&encoded, '&');
        if (pair.len && !add(arena, out, pair))
            return false;
    }
    return true;
}

struct text form_value(const struct form *form, const char *name)
{
    const struct form_field *field = find(form, text_of(name));
    return field ? field->value : TEXT("");
}

bool form_has(const struct form *form, const char *name)
{
    return find(form, text_of(name)) != NULL;
}
