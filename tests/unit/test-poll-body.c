/* lib/live/poll_body.c: what a long poll may post. */
#include "live/poll_body.h"

#include "../support/edge.h"
#include "../support/tap.h"
#include "base/arena.h"
#include "base/buffer.h"

static struct arena *arena;

/* How many messages there are, or -1. */
static int count_text(struct text text)
{
    struct poll_body body;
    return poll_body_parse(arena, edge_text(text), &body) ? (int)body.count : -1;
}

static int count(const char *text)
{
    return count_text(text_of(text));
}

#define BEAT "[null,\"1\",\"phoenix\",\"heartbeat\",{}]"

static int lines(int n)
{
    struct buffer text = buffer_new(1 << 20);
    for (int i = 0; i < n; i++)
        buffer_printf(&text, "%s[null,\"%d\",\"phoenix\",\"heartbeat\",{}]", i ? "\n" : "", i);
    int got = count_text(buffer_view(&text));
    buffer_free(&text);
    return got;
}

static int with_ref(const char *ref)
{
    return count(arena_printf(arena, "[%s,%s,\"phoenix\",\"heartbeat\",{}]", ref, ref));
}

int main(void)
{
    struct poll_body body;
    arena = arena_new();
    ok(poll_body_parse(arena, TEXT("[\"3\",\"4\",\"room:a\",\"x\",{\"a\":1}]\n" BEAT), &body) && body.count == 2 &&
           text_is(body.frames[0].topic, "room:a") && text_is(body.frames[1].event, "heartbeat"),
       "each line is a message, in order");
    ok(count(BEAT) == 1 && count(BEAT "\n") == 1 && count("\n\r\n" BEAT "\r\n \n" BEAT) == 2,
       "empty lines and line ends of another kind are no harm");
    ok(count("") == 0 && count("\n\n") == 0, "nothing is no message");
    ok(lines(100) == 100, "a hundred may come");
    ok(lines(101) == -1, "no more");
    static const char *const bad[] = { "AAECAw==",
                                       BEAT "\nAAECAw==",
                                       "{}",
                                       "x",
                                       "[",
                                       "[]",
                                       "[1,2,3]",
                                       "[null,1,\"phoenix\",\"heartbeat\",{}]",
                                       BEAT BEAT,
                                       BEAT "\n{}",
                                       "[null,\"1\",\"a\",\"b\",[]]",
                                       "[null,\"1\",\"a\",\"\xff\",{}]" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(count(bad[i]) == -1, "number %zu of what is refused", i);
    ok(with_ref("null") == 1 && with_ref(arena_printf(arena, "\"%064d\"", 0)) == 1,
       "a ref has up to 64 bytes, or is null");
    ok(with_ref("\"\"") == -1 && with_ref(arena_printf(arena, "\"%065d\"", 0)) == -1, "not none, and not more");
    ok(with_ref("\"a\\u0000\"") == -1, "and no NUL");
    arena_free(&arena);
    return done();
}
