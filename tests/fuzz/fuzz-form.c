/* Any bytes as a form: what is taken obeys the limits, has no name twice, and says the same when it is written again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "web/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(const struct form *form)
{
    must(form->count <= FORM_FIELDS_MAX);
    for (size_t i = 0; i < form->count; i++) {
        must(form->fields[i].name.len <= FORM_NAME_MAX);
        for (size_t j = 0; j < i; j++)
            must(!text_equal(form->fields[i].name, form->fields[j].name));
    }
}

static struct text write_again(struct arena *arena, const struct form *form)
{
    const char *text = "";
    for (size_t i = 0; i < form->count; i++)
        text = arena_printf(arena, "%s&%s=%s", text, text_percent_encode(arena, form->fields[i].name).at,
                            text_percent_encode(arena, form->fields[i].value).at);
    return text_of(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena *arena = arena_new();
    struct form form, again;
    if (form_parse(arena, (struct text){ (const char *)bytes, len }, &form)) {
        check(&form);
        must(form_parse(arena, write_again(arena, &form), &again) && again.count == form.count);
        for (size_t i = 0; i < form.count; i++)
            must(text_equal(form.fields[i].name, again.fields[i].name) &&
                 text_equal(form.fields[i].value, again.fields[i].value));
    }
    arena_free(&arena);
    return 0;
}
