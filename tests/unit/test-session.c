#include "../support/settings.h"
#include "../support/tap.h"

#include "base/arena.h"
#include "web/session.h"

enum { DAY = 86400 };

static struct arena *arena;

struct visit {
    struct scope scope;
    struct session session;
};

static int64_t now = 1800000000;

/* A request with this Cookie header. */
static struct visit come(const struct config *config, const char *cookie)
{
    struct visit visit = { .scope = { .arena = arena, .config = config, .now = now * 1000000 } };
    struct credentials came = { .cookie = text_of(cookie), .bearer = TEXT("") };
    ok(session_open(&came, &visit.scope, &visit.session) == DONE, "somebody comes");
    return visit;
}

/* What the browser sends back of a Set-Cookie value. */
static const char *kept(struct text set_cookie)
{
    return text_string(arena, text_split(&set_cookie, ';'));
}

static void test_guest(void)
{
    const struct config *config = settings_keys(arena, SETTINGS_KEY_A);
    struct visit first = come(config, "");
    ok(first.session.state == SESSION_NONE && !first.scope.guest.len && !scope_may_post(&first.scope),
       "one who brings nothing is nobody");
    const char *cookie = kept(session_guest(&first.scope, &first.session, TEXT("")));
    ok(first.session.state == SESSION_GUEST && first.scope.guest.len == 16 && scope_may_post(&first.scope),
       "and then a guest");
    struct visit second = come(config, cookie);
    ok(second.session.state == SESSION_GUEST && text_equal(second.scope.guest, first.scope.guest) &&
           text_equal(second.session.secret, first.session.secret) && second.session.from_cookie,
       "who is known the next time");
    cookie = kept(session_guest(&second.scope, &second.session, TEXT("Zo\xC3\xAB \"Q\" \\ <b>")));
    struct visit third = come(config, cookie);
    ok(text_equal(third.scope.guest, first.scope.guest) && text_is(third.session.name, "Zo\xC3\xAB \"Q\" \\ <b>"),
       "S18 and the name is remembered, whatever is in it");
    struct visit other = come(config, "");
    session_guest(&other.scope, &other.session, TEXT(""));
    ok(!text_equal(other.scope.guest, first.scope.guest) && !text_equal(other.session.secret, first.session.secret),
       "another is another");
}

static void test_rotation(void)
{
    const struct config *old = settings_keys(arena, SETTINGS_KEY_A),
                        *both = settings_keys(arena, SETTINGS_KEY_B " " SETTINGS_KEY_A),
                        *new = settings_keys(arena, SETTINGS_KEY_B);
    struct visit first = come(old, "");
    const char *cookie = kept(session_guest(&first.scope, &first.session, TEXT("Bo")));
    struct visit during = come(both, cookie);
    ok(text_equal(during.scope.guest, first.scope.guest), "a guest stays the same while keys rotate");
    cookie = kept(session_guest(&during.scope, &during.session, TEXT("Bo")));
    struct visit after = come(new, cookie);
    ok(after.session.state == SESSION_GUEST && text_equal(after.scope.guest, first.scope.guest) &&
           text_equal(after.session.secret, first.session.secret),
       "and after the old key is gone");
}

static void test_bad(void)
{
    const struct config *config = settings_keys(arena, SETTINGS_KEY_A);
    struct visit first = come(config, "");
    const char *cookie = kept(session_guest(&first.scope, &first.session, TEXT("Bo")));
    static const char *const bad[] = { "__Host-confab=", "__Host-confab=x", "__Host-confab=a.b.c", "__Host-confab=..",
                                       "__Host-confab" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(come(config, bad[i]).session.state == SESSION_BAD, "does not hold: %s", bad[i]);
    ok(come(config, arena_printf(arena, "%s; %s", cookie, cookie)).session.state == SESSION_BAD,
       "nor a good one that came twice");
    struct visit dropped = come(config, "__Host-confab=x");
    session_guest(&dropped.scope, &dropped.session, TEXT(""));
    ok(dropped.session.state == SESSION_GUEST && dropped.scope.guest.len == 16,
       "whoever brought it becomes a new guest");
    ok(come(settings(arena, "[site]\nurl = https://other.example.org/\n[session]\nkeys = " SETTINGS_KEY_A "\n"), cookie)
               .session.state == SESSION_BAD,
       "a cookie of another site with the same key does not hold");
    struct visit visit = { .scope = { .arena = arena, .config = config, .now = now * 1000000 } };
    struct credentials came = { .cookie = text_of(cookie), .bearer = TEXT("x.y.z") };
    ok(session_open(&came, &visit.scope, &visit.session) == DONE && visit.session.state == SESSION_BAD,
       "a token that does not hold is not helped by a cookie that does");
}

static void test_time(void)
{
    const struct config *config = settings_keys(arena, SETTINGS_KEY_A);
    struct visit first = come(config, "");
    const char *cookie = kept(session_guest(&first.scope, &first.session, TEXT("Bo")));
    now += 7 * DAY;
    struct visit visit = come(config, cookie);
    ok(!session_stale(&visit.session, &visit.scope), "a cookie of a week is not sent anew");
    now += 1;
    visit = come(config, cookie);
    ok(session_stale(&visit.session, &visit.scope), "an older one is");
    now += 83 * DAY - 2;
    ok(come(config, cookie).session.state == SESSION_GUEST, "it is good for ninety days");
    now += 1;
    ok(come(config, cookie).session.state == SESSION_BAD, "and no longer");
}

static void test_passing(void)
{
    struct scope one = { .arena = arena }, two = { .arena = arena };
    session_passing_guest(&one);
    session_passing_guest(&two);
    ok(one.guest.len == 16 && !text_equal(one.guest, two.guest), "a guest for one connection has an id as well");
}

int main(void)
{
    arena = arena_new();
    test_guest();
    test_rotation();
    test_bad();
    test_time();
    test_passing();
    arena_free(&arena);
    return done();
}
