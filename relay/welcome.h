/* How a connection begins: its request, the verification of its credentials, and the answer.
 * What a token says is read at once. Then a member's peer is registered with its session (sessions.h), verified by the
 * session's row after that, and answered last (DESIGN 4: between a check and a registration a revocation would be
 * missed for ever). */
#ifndef CONFAB_RELAY_WELCOME_H
#define CONFAB_RELAY_WELCOME_H

#include <stdbool.h>

#include "base/text.h"

struct peer;

/* What has arrived so far; more: and there was more than a head may have. */
void welcome_head(struct peer *, struct text, bool more);

/* The request took too long. */
void welcome_late(struct peer *);

#endif
