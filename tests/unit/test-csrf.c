#include "../support/edge.h"
#include "../support/settings.h"
#include "../support/tap.h"

#include "base/arena.h"
#include "web/csrf.h"
#include "web/session.h"

static struct arena *arena;
static const struct config *config;

static const struct session alice = { .state = SESSION_GUEST, .secret = { "aliceAliceAlice", 15 } };
static const struct session bob = { .state = SESSION_GUEST, .secret = { "bobBobBob", 9 } };
static const struct session nobody = { .state = SESSION_NONE };

static bool valid(const struct session *session, struct text token)
{
    return csrf_valid(config, session, edge_text(token));
}

static void test_token(void)
{
    struct text one = csrf_token(config, arena, &alice), two = csrf_token(config, arena, &alice);
    ok(valid(&alice, one) && valid(&alice, two), "a session's tokens hold");
    ok(valid(&alice, one), "more than once");
    ok(!text_equal(one, two), "and no two are alike");
    ok(!valid(&bob, one), "another's do not");
    ok(!valid(&nobody, one), "and nobody has one");
    ok(!text_equal(one, alice.secret) && !memmem(one.at, one.len, alice.secret.at, alice.secret.len),
       "the secret is not in it");
}

static void test_forged(void)
{
    struct text token = csrf_token(config, arena, &alice);
    int believed = 0;
    for (size_t i = 0; i < token.len; i++) {
        struct text forged = text_copy(arena, token);
        *(char *)(forged.at + i) = token.at[i] == 'A' ? 'B' : 'A';
        believed += valid(&alice, forged);
        believed += valid(&alice, (struct text){ token.at, i });
    }
    ok(believed == 0, "no token with a letter changed, and none cut, holds");
    ok(!valid(&alice, TEXT("")) && !valid(&alice, text_of(arena_printf(arena, "%s=", token.at))) &&
           !valid(&alice, text_of(arena_printf(arena, "%sAAAA", token.at))) &&
           !valid(&alice, text_of(arena_printf(arena, " %s", token.at))),
       "nor an empty, padded, longer or spaced one");
}

static void test_rotation(void)
{
    const struct config *old = settings_keys(arena, SETTINGS_KEY_A),
                        *both = settings_keys(arena, SETTINGS_KEY_B " " SETTINGS_KEY_A),
                        *other = settings_keys(arena, SETTINGS_KEY_B);
    struct text token = csrf_token(old, arena, &alice);
    ok(csrf_valid(both, &alice, token), "a page made before the keys rotated can still send");
    ok(!csrf_valid(other, &alice, token), "until its key is gone");
}

int main(void)
{
    arena = arena_new();
    config = settings_keys(arena, SETTINGS_KEY_A);
    test_token();
    test_forged();
    test_rotation();
    arena_free(&arena);
    return done();
}
