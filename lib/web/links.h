/* Addresses in a text: where they begin and end (S12). Pure. */
#ifndef CONFAB_WEB_LINKS_H
#define CONFAB_WEB_LINKS_H

#include <stdbool.h>

#include "base/text.h"

/* Cut the next part off the front: plain text up to an address, or an address (http:// or https://) up to its end,
 * closing punctuation left outside. One that could be our /logout is plain text. Returns false when nothing is left. */
bool links_next(struct text *rest, struct text *part, bool *is_link);

#endif
