/* Cookies: the one that names the session (or the guest), and others of ours. */
#ifndef CONFAB_WEB_COOKIE_H
#define CONFAB_WEB_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct arena;
struct config;

enum { COOKIE_HEADER_MAX = 16 * 1024 };

/* "__Host-confab" where the site is https, else "confab". */
const char *cookie_name(const struct config *);

/* The value of our cookie in a Cookie header. Servers join several headers by ", " or "; " (SECURITY 7.1): both are
 * taken as separators. False: it is not there. If it is there twice, *out is empty: none of them is believed. */
bool cookie_find(const struct config *, struct text header, struct text *out);

/* A Set-Cookie value: HttpOnly, SameSite=Lax, Path=/, Secure over https. max_age in seconds; 0 makes it end with the
 * browser, -1 deletes it. */
struct text cookie_set(const struct config *, struct arena *, struct text value, int64_t max_age);

/* The same two for a cookie of another name. */
bool cookie_named(const char *name, struct text header, struct text *out);
struct text cookie_make(const struct config *, struct arena *, const char *name, struct text value, int64_t max_age);

#endif
