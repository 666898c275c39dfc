/* What a template is filled with. That can be JSON; where JSON would be built only to be read once and thrown away (a
 * message's line, for each message that is posted), it is named values that lie in their maker's memory. A template
 * does not see the difference. */
#ifndef CONFAB_WEB_VALUE_H
#define CONFAB_WEB_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/text.h"

enum value_kind {
    VALUE_MISSING, /* there is nothing of that name: it is looked for further out */
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_NUMBER,
    VALUE_TEXT,
    VALUE_OBJECT, /* count fields */
    VALUE_LIST,   /* count items */
    VALUE_JSON,   /* an object, a list or a real number of jansson's; the simpler ones become one of the above */
};

/* Borrows what it points to. */
struct value {
    enum value_kind kind;
    uint32_t count;
    union {
        int64_t number;
        struct text text;
        const struct field *fields;
        const struct value *items;
        const json_t *json;
    };
};

/* No two of an object have the same name. */
struct field {
    const char *name;
    struct value value;
};

struct value value_text(struct text);
struct value value_text_or_null(struct text); /* null for the empty text */
struct value value_number(int64_t);
struct value value_bool(bool);
struct value value_null(void);
struct value value_object(const struct field *, size_t count);
struct value value_list(const struct value *, size_t count);

/* NULL is missing. */
struct value value_of_json(const json_t *);

/* What an object holds under a name; of everything else it is missing. */
struct value value_member(const struct value *, const char *name);

/* How many items a list has, of either sort, and one of them. */
bool value_is_list(const struct value *);
size_t value_length(const struct value *list);
struct value value_item(const struct value *list, size_t at);

/* The same as JSON. Its texts must be UTF-8; anything else is our own mistake. A new reference. */
json_t *value_json(const struct value *);

#endif
