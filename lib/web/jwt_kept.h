/* Tokens of ours that were verified before. The same one comes with each request of a person: its signature and its
 * claims need not be looked at again, only the clock. A token is found by the whole of it, and nothing else stands for
 * it; what is not found is verified. A small store of the process, safe to use from several threads. */
#ifndef CONFAB_WEB_JWT_KEPT_H
#define CONFAB_WEB_JWT_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "web/jwt.h"

struct arena;
struct config;

/* All that was read of a token. */
struct jwt_verified {
    struct jwt_claims claims;
    int64_t nbf; /* seconds since 1970 */
};

/* What that very token said when it was verified under that configuration (by its address: one is read once, and not
 * freed, while a process runs). It may not be due any more, and of any kind. *out lives in the arena. */
bool jwt_kept_find(const struct config *, struct arena *, struct text token, struct jwt_verified *out);

/* Remember one whose signature and claims hold, in the place of another, which is wiped. Long ones are passed over. */
void jwt_kept_keep(const struct config *, struct text token, const struct jwt_verified *);

/* Wipe it, if it is there. */
void jwt_kept_drop(const struct config *, struct text token);

#endif
