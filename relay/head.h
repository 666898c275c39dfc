/* The head of an HTTP request, as strictly as RFC 9112 allows: what two programs could read in two ways is refused.
 * Pure. What a request means to the relay is in upgrade.h. */
#ifndef CONFAB_RELAY_HEAD_H
#define CONFAB_RELAY_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum { HEAD_BYTES_MAX = 8 * 1024, HEAD_FIELDS_MAX = 64 };

/* PARTIAL: it goes on. BAD: no request, too long, or a field that may not be. */
enum head_state { HEAD_PARTIAL, HEAD_DONE, HEAD_BAD };

struct head {
    struct text method, path, query; /* path begins with '/'; neither is decoded */
    bool http11;                     /* else HTTP/1.0 */
    size_t len;                      /* of the head with its empty line */
    size_t field_count;
    struct head_field {
        struct text name, value;
    } fields[HEAD_FIELDS_MAX];
};

/* Parse what has arrived so far, from the first byte. All texts point into it. */
enum head_state head_parse(struct text, struct head *out);

/* The value of a field, the empty text if it is not there; *count (may be NULL) tells how often it was given, and the
 * first one is answered. */
struct text head_field(const struct head *, const char *name, size_t *count);

/* Has one of the field's comma-separated lists that token, in any case? */
bool head_has_token(const struct head *, const char *name, const char *token);

/* Does a body follow the head (or might somebody believe that one does)? */
bool head_has_body(const struct head *);

#endif
