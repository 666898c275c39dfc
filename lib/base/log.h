/* One line of JSON per event on standard error, each written by one write(2).
 * Never a secret, a token, or what somebody wrote: the callers choose the fields. */
#ifndef CONFAB_BASE_LOG_H
#define CONFAB_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *key; /* NULL ends the list */
    enum { LOG_TEXT, LOG_NUMBER } kind;
    struct text text;
    int64_t number;
};

#define LOG_T(name, value)                                                                                             \
    {                                                                                                                  \
        .key = (name), .kind = LOG_TEXT, .text = (value)                                                               \
    }
#define LOG_S(name, value)                                                                                             \
    {                                                                                                                  \
        .key = (name), .kind = LOG_TEXT, .text = text_of(value)                                                        \
    }
#define LOG_N(name, value)                                                                                             \
    {                                                                                                                  \
        .key = (name), .kind = LOG_NUMBER, .number = (int64_t)(value)                                                  \
    }

/* log_event(LOG_INFO, "request", LOG_S("method", method), LOG_N("status", 200)); at least one field. */
#define log_event(level, event, ...)                                                                                   \
    log_write((level), (event), (const struct log_field[]){ __VA_ARGS__, { .key = NULL } })

/* The program's name in each line ("handler", "relay"), and the least level that is written. The name must last.
 * Where standard error is systemd's journal, a line begins with its priority, which the journal takes off again. */
void log_open(const char *program, enum log_level least);

/* Texts are escaped (control bytes, bytes that are no UTF-8) and cut at 512 bytes. */
void log_write(enum log_level, const char *event, const struct log_field *fields);

#endif
