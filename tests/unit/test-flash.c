#include "../support/edge.h"
#include "../support/settings.h"
#include "../support/tap.h"

#include "base/arena.h"
#include "web/flash.h"

int main(void)
{
    struct arena *arena = arena_new();
    const struct config *http = settings(arena, "[site]\nurl = http://127.0.0.1:8080/\n"),
                        *https = settings(arena, "[site]\nurl = https://example.org/\n");
    is(flash_set(http, arena, FLASH_WELCOME).at, "confab-flash=welcome; Path=/; HttpOnly; SameSite=Lax; Max-Age=60",
       "the cookie holds a word");
    is(flash_set(https, arena, FLASH_NONE).at,
       "__Host-confab-flash=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0", "or is taken away");
    for (enum flash flash = FLASH_NONE + 1; flash < FLASH_COUNT; flash++) {
        struct text cookie = flash_set(https, arena, flash);
        ok(flash_find(https, text_split(&cookie, ';')) == flash, "its word means \"%s\"", flash_sentence(flash));
    }
    is(flash_kind(FLASH_WELCOME), "info", "a word of welcome");
    ok(flash_alert(FLASH_SIGN_IN) && !flash_alert(FLASH_WELCOME), "what is wrong is read out at once");
    ok(flash_find(http, edge("confab-flash=Hello")) == FLASH_NONE, "text says nothing");
    ok(flash_find(http, edge("confab-flash=")) == FLASH_NONE && flash_find(http, edge("")) == FLASH_NONE,
       "nor nothing");
    ok(flash_find(https, edge("confab-flash=welcome")) == FLASH_NONE, "nor the cookie of http");
    ok(flash_find(http, edge("confab-flash=welcome; confab-flash=gone")) == FLASH_NONE, "nor two of them");
    arena_free(&arena);
    return done();
}
