/* Whose a session was when it was looked up last: a guess, for what is asked ahead of the answer, and for nothing else.
 * A small table of the process, which answers one request at a time. */
#ifndef CONFAB_CGI_LIKELY_H
#define CONFAB_CGI_LIKELY_H

#include <stdint.h>

#include "base/text.h"

/* The user's id, or 0: no idea. hash: the token's. */
int64_t likely_user(struct text hash);

/* What it was now; 0: the session does not hold. */
void likely_note(struct text hash, int64_t user_id);

#endif
