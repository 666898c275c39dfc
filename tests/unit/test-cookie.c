#include "../support/edge.h"
#include "../support/settings.h"
#include "../support/tap.h"

#include "base/arena.h"
#include "web/cookie.h"

static struct arena *arena;
static const struct config *http, *https;

/* The value found, "(none)", or "" when it is not to be believed. */
static const char *find(const struct config *config, const char *header)
{
    struct text value;
    return cookie_find(config, edge(header), &value) ? text_string(arena, value) : "(none)";
}

static void test_find(void)
{
    is(find(http, "confab=abc"), "abc", "our cookie is found");
    is(find(http, "a=1; confab=abc; b=2"), "abc", "among others");
    is(find(http, "a=1, confab=abc, b=2"), "abc", "also where a server joined headers by commas");
    is(find(http, "a=1;confab=abc"), "abc", "without a space");
    is(find(http, " \tconfab=abc \t"), "abc", "with more of them");
    is(find(http, "confab=a=b"), "a=b", "a value may hold =");
    is(find(http, ""), "(none)", "an empty header has none");
    is(find(http, "confab"), "", "a name without = has no value");
    is(find(http, "confab="), "", "a value can be empty");
    is(find(http, "xconfab=1; confabx=2; a=confab=3"), "(none)", "names are compared whole");
    is(find(http, "Confab=1"), "(none)", "and by case");
    is(find(http, "__Host-confab=1"), "(none)", "the name of https means nothing over http");
    is(find(https, "confab=1"), "(none)", "nor the other way round");
    is(find(https, "confab=1; __Host-confab=2"), "2", "over https only the prefixed one counts");
    is(find(http, "confab=a; confab=a"), "", "given twice, neither is believed");
    is(find(http, "confab=a, confab=b; confab=c"), "", "nor three times");
    is(find(http, "confab=; confab=b"), "", "nor when the first is empty");
}

static void test_long(void)
{
    char *header = arena_alloc(arena, COOKIE_HEADER_MAX + 2);
    struct text value;
    memset(header, 'x', COOKIE_HEADER_MAX + 1);
    memcpy(header, "confab=", 7);
    ok(cookie_find(http, edge_bytes(header, COOKIE_HEADER_MAX), &value) && value.len == COOKIE_HEADER_MAX - 7,
       "a header may be long");
    ok(!cookie_find(http, edge_bytes(header, COOKIE_HEADER_MAX + 1), &value) && value.len == 0, "but not longer");
    ok(cookie_find(http, edge_text(TEXT("a\0b=1; confab=x\0y")), &value) && text_equal(value, TEXT("x\0y")),
       "NUL bytes divide nothing");
}

static void test_set(void)
{
    is(cookie_set(http, arena, TEXT("v"), 60).at, "confab=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60",
       "a cookie over http");
    is(cookie_set(https, arena, TEXT("v"), 60).at,
       "__Host-confab=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60", "and over https");
    is(cookie_set(http, arena, TEXT("v"), 0).at, "confab=v; Path=/; HttpOnly; SameSite=Lax", "one for this browsing");
    is(cookie_set(http, arena, TEXT(""), -1).at, "confab=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0", "and none");
}

int main(void)
{
    arena = arena_new();
    http = settings(arena, "[site]\nurl = http://127.0.0.1:8080/chat/\n");
    https = settings(arena, "[site]\nurl = " SETTINGS_URL "\n");
    test_find();
    test_long();
    test_set();
    arena_free(&arena);
    return done();
}
