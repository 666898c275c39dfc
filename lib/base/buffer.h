/* Bytes that grow, up to a limit that is set at the start. */
#ifndef CONFAB_BASE_BUFFER_H
#define CONFAB_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct buffer {
    char *at; /* always NUL behind len once something was added; NULL while empty */
    size_t len;
    size_t size;
    size_t limit; /* most bytes that may be held; 0 counts as "none fit" */
    bool full;    /* something did not fit and was left out: look at it once, at the end */
};

/* An empty buffer that may grow to limit bytes. */
struct buffer buffer_new(size_t limit);

/* Release the memory. The buffer is empty again and may be used on. */
void buffer_free(struct buffer *);

/* Forget the contents, keep the memory. */
void buffer_clear(struct buffer *);

/* About so much will follow: make room at once, instead of little by little. */
void buffer_expect(struct buffer *, size_t more);

/* Append. What would pass the limit is left out whole and sets full. */
void buffer_add(struct buffer *, const void *bytes, size_t len);
void buffer_text(struct buffer *, struct text);
void buffer_string(struct buffer *, const char *);
void buffer_char(struct buffer *, char);
void buffer_number(struct buffer *, int64_t); /* in decimal */
void buffer_printf(struct buffer *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is in it: points into the buffer, until the next append. */
struct text buffer_view(const struct buffer *);

#endif
