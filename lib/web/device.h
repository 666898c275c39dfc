/* What a User-Agent header says to a person: "Firefox on Linux". It is what the client claims, no more. Pure. */
#ifndef CONFAB_WEB_DEVICE_H
#define CONFAB_WEB_DEVICE_H

#include "base/text.h"

struct arena;

/* A short name; "An unknown device" where nothing is recognised. */
struct text device_name(struct arena *, struct text user_agent);

#endif
