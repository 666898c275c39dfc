/* Tokens against cross-site requests: signed double submit (SECURITY 5), bound to the session or guest, masked anew in
 * every answer so that compression tells nothing about them. */
#ifndef CONFAB_WEB_CSRF_H
#define CONFAB_WEB_CSRF_H

#include <stdbool.h>

#include "base/text.h"

struct arena;
struct config;
struct session;

/* A token for this session, good as long as it. The session must have a secret. */
struct text csrf_token(const struct config *, struct arena *, const struct session *);

/* Is it one of this session's? Compared in constant time. */
bool csrf_valid(const struct config *, const struct session *, struct text token);

#endif
