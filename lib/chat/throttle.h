/* How often somebody may do something, counted in Postgres because handlers keep nothing. */
#ifndef CONFAB_CHAT_THROTTLE_H
#define CONFAB_CHAT_THROTTLE_H

#include "base/errors.h"

struct scope;

/* May the asker post one more message (limits.rate per author, ten times as many per address)? DONE, BROKEN, or LIMITED
 * with the seconds to wait in *retry_after, at least 1. */
enum outcome throttle_post(const struct scope *, int *retry_after) __attribute__((warn_unused_result));

#endif
