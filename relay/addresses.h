/* How many connections each address has. IPv6 counts by /64: that much is one customer's. Our own machine (loopback, or
 * a unix socket without a front end that names anybody) is not counted. And how addresses are written, each once for
 * all connections from there. Loop thread only, but a text that is kept may be read by anybody. */
#ifndef CONFAB_RELAY_ADDRESSES_H
#define CONFAB_RELAY_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct addresses;

struct addresses *addresses_new(void) __attribute__((warn_unused_result, returns_nonnull));
/* All must have been given back. */
void addresses_free(struct addresses **);

/* One more from there. False: it has `most` already. */
bool addresses_take(struct addresses *, struct text address, size_t most) __attribute__((warn_unused_result));

/* One less of those that were taken. */
void addresses_give(struct addresses *, struct text address);

/* The address as text, until it is dropped; equal ones are the same. What is longer than any address is cut. */
const char *addresses_keep(struct addresses *, struct text) __attribute__((warn_unused_result, returns_nonnull));

/* Clears the caller's pointer, which may be NULL. */
void addresses_drop(struct addresses *, const char **);

#endif
