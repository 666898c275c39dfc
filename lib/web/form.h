/* Fields of a query string or an urlencoded form (WHATWG URL, application/x-www-form-urlencoded). Pure. */
#ifndef CONFAB_WEB_FORM_H
#define CONFAB_WEB_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct arena;

enum { FORM_FIELDS_MAX = 32, FORM_NAME_MAX = 100 };

struct form {
    size_t count;
    struct form_field {
        struct text name, value;
    } fields[FORM_FIELDS_MAX];
};

/* Decode once. Empty pieces (`a=1&&b=2`) are passed over. False, with nothing usable in *out: too many fields, a name
 * too long, a broken escape, or a name given twice (SECURITY 15.3.7). The values may hold any bytes. */
bool form_parse(struct arena *, struct text encoded, struct form *out);

/* The value of a field; the empty text when it is not there. */
struct text form_value(const struct form *, const char *name);

bool form_has(const struct form *, const char *name);

#endif
