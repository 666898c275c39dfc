/* How many connections each address has. IPv6 counts by /64: that much is one customer's. Our own machine (loopback, or
 * a unix socket without a front end that names anybody) is not counted. Loop thread only. */
#ifndef CONFAB_RELAY_ADDRESSES_H
#define CONFAB_RELAY_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct addresses;
struct address;

struct addresses *addresses_new(void) __attribute__((warn_unused_result, returns_nonnull));
/* All must have been given back. */
void addresses_free(struct addresses **);

/* One more from there. False: it has `most` already. *out is to be given back, or NULL if it is not counted. */
bool addresses_take(struct addresses *, struct text address, size_t most, struct address **out)
    __attribute__((warn_unused_result));

/* Clears the caller's pointer, which may be NULL. */
void addresses_give(struct addresses *, struct address **);

#endif
