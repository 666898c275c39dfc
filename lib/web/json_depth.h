/* How deep JSON from outside may be, judged before a parser recurses into it (SECURITY 7). Pure. */
#ifndef CONFAB_WEB_JSON_DEPTH_H
#define CONFAB_WEB_JSON_DEPTH_H

#include <stdbool.h>

#include "base/text.h"

enum { JSON_DEPTH_MAX = 32 };

/* At most so deep, if it is JSON at all; of what is none nothing is said but that reading it takes no longer. */
bool json_shallow(struct text json);

#endif
