#include "../support/edge.h"
#include "../support/tap.h"

#include "base/arena.h"
#include "web/form.h"

static struct arena *arena;
static struct form form;

static bool parses(const char *encoded)
{
    return form_parse(arena, edge(encoded), &form);
}

static bool value_is(const char *name, const char *value)
{
    return form_has(&form, name) && text_is(form_value(&form, name), value);
}

static void test_fields(void)
{
    ok(parses("") && form.count == 0, "an empty form has no fields");
    ok(parses("name=Simon&message=hi+there%21") && form.count == 2 && value_is("name", "Simon") &&
           value_is("message", "hi there!"),
       "fields are decoded");
    ok(parses("a") && value_is("a", ""), "a name alone has an empty value");
    ok(parses("=a") && form.count == 1 && value_is("", "a"), "a name may be empty");
    ok(parses("a=b=c") && value_is("a", "b=c"), "only the first = divides");
    ok(parses("&&a=1&&b=2&") && form.count == 2, "empty pieces are passed over");
    ok(parses("a=%2541") && value_is("a", "%41"), "decoding happens once");
    ok(parses("a%3Db=1") && value_is("a=b", "1"), "an encoded = belongs to the name");
    ok(parses("a=1;b=2") && form.count == 1 && value_is("a", "1;b=2"), "a semicolon divides nothing");
    ok(parses("a=%FF%00") && form_value(&form, "a").len == 2, "a value may hold any bytes");
    ok(parses("a=1") && !form_has(&form, "b") && form_value(&form, "b").len == 0, "a field that is not there is empty");
}

static void test_refusals(void)
{
    static const char *const bad[] = { "a=%",   "a=%4",          "a=%zz",     "%=1",     "a%g0=1",
                                       "a=%-1", "a=1&a=2",       "a=1&a=1",   "a&a",     "a=1&%61=2",
                                       "=&=",   "a+b=1&a%20b=2", "x=1&y=2&x", "a=%c3%a", "a=% 41" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(!parses(bad[i]), "refused: %s", bad[i]);
}

/* count fields named 0, 1, 2... */
static bool parses_many(int count)
{
    char encoded[1024], *at = encoded;
    for (int i = 0; i < count; i++)
        at += sprintf(at, "%s%d=x", i ? "&" : "", i);
    return parses(encoded);
}

static bool parses_long_name(const char *unit, int count)
{
    char encoded[1024] = "";
    for (int i = 0; i < count; i++)
        strcat(encoded, unit);
    strcat(encoded, "=x");
    return parses(encoded);
}

static void test_limits(void)
{
    ok(parses_many(FORM_FIELDS_MAX) && form.count == FORM_FIELDS_MAX, "as many fields as there is room for");
    ok(!parses_many(FORM_FIELDS_MAX + 1), "one more is refused");
    ok(parses_long_name("n", FORM_NAME_MAX) && !parses_long_name("n", FORM_NAME_MAX + 1), "names have a length");
    ok(parses_long_name("%6e", FORM_NAME_MAX) && !parses_long_name("%6e", FORM_NAME_MAX + 1), "counted decoded");
}

int main(void)
{
    arena = arena_new();
    test_fields();
    test_refusals();
    test_limits();
    arena_free(&arena);
    return done();
}
