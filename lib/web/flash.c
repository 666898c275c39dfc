#include "web/flash.h"

#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "web/cookie.h"

enum { FLASH_SECONDS = 60 };

static const struct {
    const char *word, *kind, *sentence;
} table[FLASH_COUNT] = {
    [FLASH_SIGN_IN] = { "sign-in", "error", "You must log in to access this page." },
    [FLASH_SIGN_IN_AGAIN] = { "again", "error", "You must re-authenticate to access this page." },
    [FLASH_WELCOME] = { "welcome", "info", "Welcome back!" },
    [FLASH_SIGNED_OUT] = { "signed-out", "info", "Logged out successfully." },
    [FLASH_ENDED] = { "ended", "info", "That device was signed out." },
    [FLASH_ENDED_OTHERS] = { "ended-others", "info", "All other devices were signed out." },
    [FLASH_GONE] = { "gone", "info", "That device was signed out already." },
};

static const char *name(const struct config *config)
{
    return config->secure ? "__Host-confab-flash" : "confab-flash";
}

enum flash flash_find(const struct config *config, struct text cookies)
{
    struct text word;
    if (!cookie_named(name(config), cookies, &word))
        return FLASH_NONE;
    for (enum flash flash = FLASH_NONE + 1; flash < FLASH_COUNT; flash++)
        if (text_is(word, table[flash].word))
            return flash;
    return FLASH_NONE;
}

const char *flash_sentence(enum flash flash)
{
    must(flash > FLASH_NONE && flash < FLASH_COUNT);
    return table[flash].sentence;
}

const char *flash_kind(enum flash flash)
{
    must(flash > FLASH_NONE && flash < FLASH_COUNT);
    return table[flash].kind;
}

bool flash_alert(enum flash flash)
{
    return strcmp(flash_kind(flash), "error") == 0;
}

struct text flash_set(const struct config *config, struct arena *arena, enum flash flash)
{
    must(flash < FLASH_COUNT);
    struct text word = flash == FLASH_NONE ? TEXT("") : text_of(table[flash].word);
    return cookie_make(config, arena, name(config), word, flash == FLASH_NONE ? -1 : FLASH_SECONDS);
}
