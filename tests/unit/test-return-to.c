#include "../support/edge.h"
#include "../support/settings.h"
#include "../support/tap.h"

#include <string.h>

#include "base/arena.h"
#include "web/return_to.h"

static struct arena *arena;

static void test_all(const struct config *config, const char *const *paths, bool good)
{
    for (; *paths; paths++)
        ok(return_to_valid(config, arena, edge(*paths)) == good, "%s is %sa way back", *paths, good ? "" : "no ");
}

static void test_long(const struct config *config)
{
    char path[RETURN_TO_MAX + 1];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    ok(return_to_valid(config, arena, edge_bytes(path, RETURN_TO_MAX)), "the longest");
    ok(!return_to_valid(config, arena, edge_bytes(path, RETURN_TO_MAX + 1)), "is the longest");
    ok(!return_to_valid(config, arena, edge_text(TEXT("/a\0b"))), "a NUL is none");
}

int main(void)
{
    static const char *const good[] = { "/",       "/rooms/lobby", "/rooms/",  "/a?b=//c", "/a?b=../c",
                                        "/%C3%A9", "/a.b/.c",      "/a?b=%0d", NULL };
    static const char *const bad[] = {
        "",          "a",       "//a",      "///a",  "/\\a",   "\\a",   "https://a/", "javascript:a",
        "/a//b",     "/%2Fa",   "/%2f%2fa", "/%5Ca", "/./a",   "/../a", "/a/..",      "/a/.",
        "/%2e%2e/a", "/.%2E/a", "/a b",     "/a\tb", "/a\nb",  "/%0a",  "/%00",       "/%7f",
        "/%",        "/%4",     "/%zz",     "//",    "/a//",   "//?a",  "/%2f",       "/\xC3\xA9",
        "/\"",       "/<",      "/a>",      " /a",   "/a\x7f", NULL
    };
    static const char *const below[] = { "/chat", "/chat/", "/chat/rooms/lobby", "/chat?a", NULL };
    static const char *const outside[] = { "/", "/rooms/lobby", "/chatter", "/Chat/", "/chat/../x", "/chat//x", NULL };
    arena = arena_new();
    const struct config *root = settings(arena, "[site]\nurl = http://127.0.0.1:8080/\n");
    test_all(root, good, true);
    test_all(root, bad, false);
    test_long(root);
    const struct config *base = settings(arena, "[site]\nurl = https://example.org/chat/\n");
    test_all(base, below, true);
    test_all(base, outside, false);
    arena_free(&arena);
    return done();
}
