/* Passwords: what may be one, and how one is kept (Argon2id by libsodium). Knows no people. */
#ifndef CONFAB_CHAT_PASSWORD_H
#define CONFAB_CHAT_PASSWORD_H

#include <stdbool.h>

#include "base/errors.h"
#include "base/text.h"

struct arena;
struct config;

enum { PASSWORD_MIN = 12, PASSWORD_MAX = 72, PASSWORD_BYTES_MAX = 1024 };

/* May this be the password of somebody with that e-mail and name (both may be empty)? It is taken as it is: nothing is
 * trimmed. False: a sentence was added to the field "password". */
bool password_check(const struct config *, struct text password, struct text email, struct text name, struct errors *);

/* What is kept of it, in the arena. At most as many at once on this host as it has cores. DONE, or BROKEN: no memory or
 * no place was to be had in time. */
enum outcome password_hash(const struct config *, struct arena *, struct text password, struct text *out)
    __attribute__((warn_unused_result));

/* Is it the password that `kept` was made of? An empty `kept` (nobody, or somebody without a password) takes the same
 * time and is never right. DONE; DENIED: it is not; BROKEN as above. *again (may be NULL): it holds, and should be kept
 * anew with today's parameters. */
enum outcome password_verify(const struct config *, struct arena *, struct text password, struct text kept, bool *again)
    __attribute__((warn_unused_result));

#endif
