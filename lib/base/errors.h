/* What a domain function answers (outcome), and the sentences it leaves for the person who asked (errors). */
#ifndef CONFAB_BASE_ERRORS_H
#define CONFAB_BASE_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* DONE; the person's: INVALID (errors are filled), MISSING (no such thing for this asker), DENIED, LIMITED (too many);
 * the world's: BROKEN (database away; already logged). */
enum outcome { DONE, INVALID, MISSING, DENIED, LIMITED, BROKEN };

enum { ERRORS_MAX = 16 };

struct errors {
    int retry_after; /* seconds, with LIMITED */
    size_t count;
    struct error {
        const char *field;
        const char *sentence;
    } items[ERRORS_MAX];
};

/* Add a sentence to a field. Both must outlive the errors (literals, or of the request's arena). */
void errors_add(struct errors *, const char *field, const char *sentence);

/* The first sentence of a field, or NULL. */
const char *errors_first(const struct errors *, const char *field);

bool errors_any(const struct errors *);

#endif
