/* One sentence for the next page ("Welcome back!"), carried over a redirect by a small cookie. The cookie holds only a
 * word of our own table, never text: whoever can set it can make us say nothing but what stands here. */
#ifndef CONFAB_WEB_FLASH_H
#define CONFAB_WEB_FLASH_H

#include <stdbool.h>

#include "base/text.h"

struct arena;
struct config;

enum flash {
    FLASH_NONE,
    FLASH_SIGN_IN,       /* "You must log in to access this page." */
    FLASH_SIGN_IN_AGAIN, /* "You must re-authenticate to access this page." */
    FLASH_WELCOME,       /* "Welcome back!" */
    FLASH_SIGNED_OUT,    /* "Logged out successfully." */
    FLASH_ENDED,         /* a session was signed out */
    FLASH_ENDED_OTHERS,  /* all the others were */
    FLASH_GONE,          /* it was no more */
    FLASH_COUNT
};

/* The one that came in a Cookie header. */
enum flash flash_find(const struct config *, struct text cookies);

/* The sentence, and how it is meant: "info" or "error". Not of FLASH_NONE. */
const char *flash_sentence(enum flash);
const char *flash_kind(enum flash);
bool flash_alert(enum flash); /* an error: to be read out at once */

/* The Set-Cookie value that gives it to the next page; FLASH_NONE takes it away. */
struct text flash_set(const struct config *, struct arena *, enum flash);

#endif
