/* How often somebody may do something, counted in Postgres because handlers keep nothing. */
#ifndef CONFAB_CHAT_THROTTLE_H
#define CONFAB_CHAT_THROTTLE_H

#include <stddef.h>

#include "base/errors.h"

struct posting;
struct scope;

/* May the asker post one more message (limits.rate per author, ten times as many per address)? DONE, BROKEN, or LIMITED
 * with the seconds to wait in *retry_after, at least 1. */
enum outcome throttle_post(const struct scope *, int *retry_after) __attribute__((warn_unused_result));

/* The same for many at once, counted together. Those who may not are given their outcome (LIMITED, BROKEN) and taken
 * out of the list, whose order stays. */
void throttle_post_many(struct posting **, size_t *count);

#endif
