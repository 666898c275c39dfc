/* Where somebody may be led after signing in. Pure. */
#ifndef CONFAB_WEB_RETURN_TO_H
#define CONFAB_WEB_RETURN_TO_H

#include <stdbool.h>

#include "base/text.h"

struct arena;
struct config;

enum { RETURN_TO_MAX = 512 };

/* Is it a path of this very site, as a browser would ask for it: below the base path, without a way out of it, nothing
 * that some browser takes for another host, and nothing that has to be escaped in a header? */
bool return_to_valid(const struct config *, struct arena *, struct text);

#endif
