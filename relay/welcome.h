/* How a connection begins: its request, the verification of its credentials, and the answer.
 * A peer is registered first, verified after that, and answered last (DESIGN 4: between a check and a registration a
 * revocation would be missed for ever). */
#ifndef CONFAB_RELAY_WELCOME_H
#define CONFAB_RELAY_WELCOME_H

#include <stdbool.h>

#include "base/text.h"

struct peer;
struct scope;

/* What has arrived so far; more: and there was more than a head may have. */
void welcome_head(struct peer *, struct text, bool more);

/* The request took too long. */
void welcome_late(struct peer *);

/* On a worker: put the peer's identity into the scope of something that it asks. A signature that was found good stays
 * good, so the handshake's judgement is kept and only its time is looked at. False: it is over. The peer's texts are
 * only read, and stay while the job is out. */
bool welcome_scope(const struct peer *, struct scope *) __attribute__((warn_unused_result));

#endif
