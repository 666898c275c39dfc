#include "base/errors.h"

#include <string.h>

#include "base/must.h"

void errors_add(struct errors *errors, const char *field, const char *sentence)
{
    must(errors->count < ERRORS_MAX);
    errors->items[errors->count++] = (struct error){ field, sentence };
}

const char *errors_first(const struct errors *errors, const char *field)
{
    for (size_t i = 0; i < errors->count; i++)
        if (strcmp(errors->items[i].field, field) == 0)
            return errors->items[i].sentence;
    return NULL;
}

bool errors_any(const struct errors *errors)
{
    return errors->count > 0;
}
