/* The kinds of value that confab.conf knows, for config.c alone. */
#ifndef CONFAB_BASE_CONFIG_VALUE_H
#define CONFAB_BASE_CONFIG_VALUE_H

#include "base/config.h"

struct config_row {
    const char *section, *key;
    enum {
        VALUE_STRING,
        VALUE_SWITCH,
        VALUE_NUMBER,
        VALUE_SIZE,
        VALUE_DURATION,
        VALUE_RATE,
        VALUE_LISTEN,
        VALUE_PATH,
        VALUE_SITE,
        VALUE_KEYS
    } kind;
    size_t at; /* offset in struct config */
    const char *fallback;
    int64_t least, most; /* of numbers, bytes and milliseconds */
};

/* Parse a value into its place. `where` (file:line, or the variable's name) opens the sentence in *error. The value
 * itself is never repeated there: it may be a secret. */
bool config_value_set(struct config *, struct arena *, const struct config_row *, const char *where, struct text value,
                      const char **error);

/* Fill what defaults to other keys, once all are read. */
void config_value_derive(struct config *);

#endif
