#include "../support/tap.h"

#include <sodium.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/utf8.h"

static struct arena *arena;

static bool decodes(const char *from, bool plus, const char *to)
{
    struct text out;
    return text_percent_decode(arena, text_of(from), plus, &out) && text_is(out, to);
}

static bool broken(const char *from)
{
    struct text out;
    return !text_percent_decode(arena, text_of(from), true, &out);
}

static void test_percent(void)
{
    ok(decodes("a+b%20c%C3%A9", true, "a b c\xC3\xA9"), "a form's value is decoded");
    ok(decodes("a+b", false, "a+b"), "outside forms a plus is a plus");
    ok(decodes("%2541", true, "%41"), "decoding happens once");
    ok(broken("%") && broken("%4") && broken("%zz"), "broken escapes are refused");
    ok(text_is(text_percent_encode(arena, text_of("a b/\xC3\xA9~")), "a%20b%2F%C3%A9~"),
       "encoding keeps the unreserved");
}

static void test_number(void)
{
    int64_t n = -1;
    ok(text_number(TEXT("0"), 10, &n) && n == 0, "0 is a number");
    ok(text_number(TEXT("9223372036854775807"), INT64_MAX, &n) && n == INT64_MAX, "the largest fits");
    ok(!text_number(TEXT("9223372036854775808"), INT64_MAX, &n), "one more does not");
    ok(!text_number(TEXT(""), 10, &n) && !text_number(TEXT("-1"), 10, &n) && !text_number(TEXT("1x"), 10, &n) &&
           !text_number(TEXT("007"), 10, &n) && !text_number(TEXT(" 1"), 10, &n),
       "signs, spaces, letters and leading zeros are no numbers");
    ok(!text_number(TEXT("11"), 10, &n) && n == INT64_MAX, "a number above the bound is refused and nothing written");
}

static void test_split(void)
{
    struct text rest = TEXT("a=b=c");
    ok(text_is(text_split(&rest, '='), "a") && text_is(rest, "b=c"), "split at the first");
    ok(text_is(text_split(&rest, ';'), "b=c") && rest.len == 0, "without a separator all is head");
    ok(text_is(text_split(&rest, ';'), ""), "and then nothing is left");
}

/* Does the text in two pieces, with ASCII around it, get the same answer as whole? */
static bool same_in_pieces(const char *bytes, size_t len, size_t cut)
{
    struct utf8_state state = { 0 };
    bool good = utf8_go_on(&state, TEXT("nine ASCII")) && utf8_go_on(&state, (struct text){ bytes, cut }) &&
                utf8_go_on(&state, (struct text){ bytes + cut, len - cut }) && utf8_complete(&state);
    return good == utf8_valid((struct text){ bytes, len });
}

/* All texts of four bytes from those where the rules change. */
static void test_utf8_pieces(void)
{
    static const unsigned char edges[] = { 0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1,
                                           0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1,
                                           0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF };
    enum { COUNT = sizeof edges };
    size_t wrong = 0;
    for (unsigned i = 0; i < COUNT * COUNT * COUNT * COUNT; i++) {
        char bytes[4];
        for (unsigned k = 0, rest = i; k < 4; k++, rest /= COUNT)
            bytes[k] = (char)edges[rest % COUNT];
        wrong += !same_in_pieces(bytes, 4, i % 5);
    }
    ok(wrong == 0, "UTF-8 in pieces is judged as the whole is");
    struct utf8_state state = { 0 };
    ok(!utf8_go_on(&state, TEXT("plain ASCII\xED\xA0")), "and at its first bad octet");
}

static void test_utf8(void)
{
    ok(utf8_valid(TEXT("h\xC3\xA9llo \xF0\x9F\x98\x80")), "letters and emoji are UTF-8");
    ok(!utf8_valid(TEXT("\xC0\x80")) && !utf8_valid(TEXT("\xE0\x80\xAF")), "overlong forms are not");
    ok(!utf8_valid(TEXT("\xED\xA0\x80")), "a surrogate is not");
    ok(!utf8_valid(TEXT("\xF4\x90\x80\x80")), "nothing lies above U+10FFFF");
    ok(!utf8_valid(TEXT("\xC3")) && !utf8_valid(TEXT("\x80")), "cut and lone bytes are not");
    ok(utf8_count(TEXT("h\xC3\xA9\xF0\x9F\x98\x80")) == 3, "S9 characters are counted, not bytes");
    ok(utf8_has_control(TEXT("a\x01")) && utf8_has_control(TEXT("\xC2\x85")) && utf8_has_control(TEXT("\x00")) &&
           !utf8_has_control(TEXT("a\n\tb")),
       "S9 newline and tab are the only control characters allowed");
    ok(text_is(utf8_tidy(arena, TEXT(" \r\na\r\nb\rc\xE2\x80\x83\xC2\xA0\n")), "a\nb\nc"),
       "S9 CRLF and CR become LF, ends are trimmed");
    ok(utf8_tidy(arena, TEXT(" \xE3\x80\x80 ")).len == 0, "white space of any script is trimmed");
    ok(utf8_invisible(TEXT("\xE2\x80\x8B \xEF\xBB\xBF")) && !utf8_invisible(TEXT("\xE2\x80\x8B"
                                                                                 "x")),
       "a name of zero-width characters is invisible");
}

static void test_base64url(void)
{
    unsigned char out[4];
    size_t len;
    ok(text_is(text_base64url(arena, "\xFB\xFF", 2), "-_8"), "base64url has its own alphabet and no padding");
    ok(text_unbase64url(TEXT("-_8"), out, sizeof out, &len) && len == 2 && memcmp(out, "\xFB\xFF", 2) == 0,
       "and comes back");
    ok(!text_unbase64url(TEXT("-_8="), out, sizeof out, &len) &&
           !text_unbase64url(TEXT("+/8"), out, sizeof out, &len) &&
           !text_unbase64url(TEXT("-_9"), out, sizeof out, &len),
       "padding, the other alphabet and loose last bits are refused");
    size_t digits = 0, same = 0;
    for (int c = 0; c < 256; c++) {
        char text[] = { 'B', (char)c, 'A', 'A' };
        unsigned char theirs[3];
        size_t their_len;
        bool good = text_unbase64url((struct text){ text, 4 }, out, sizeof out, &len);
        bool right =
            c < 128 && /* libsodium takes the others for digits */ sodium_base642bin(
                           theirs, 3, text, 4, NULL, &their_len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
        digits += good;
        same += good == right && (!good || (len == 3 && memcmp(out, theirs, 3) == 0));
    }
    ok(digits == 64 && same == 256, "each of its 64 digits is read as libsodium reads it, and nothing else is one");
    ok(text_unbase64url(TEXT(""), out, sizeof out, &len) && len == 0, "nothing is nothing");
    ok(!text_unbase64url(TEXT("AAAAA"), out, sizeof out, &len), "one digit alone is no byte");
    ok(!text_unbase64url(TEXT("AAAAAAAAAAAA"), out, sizeof out, &len), "more than fits is refused");
}

static int released;

static void release(void *thing)
{
    released = released * 10 + *(int *)thing;
}

static void test_arena(void)
{
    static int one = 1, two = 2;
    struct arena *own = arena_new();
    char *big = arena_alloc(own, 100000);
    ok(big[0] == 0 && big[99999] == 0, "memory comes zeroed, however much");
    arena_own(own, &one, release);
    arena_own(own, &two, release);
    arena_reset(own);
    ok(released == 21, "owned things are released, newest first");
    is(arena_printf(own, "%d-%s", 7, "x"), "7-x", "an arena is good again after a reset");
    arena_free(&own);
    ok(own == NULL && released == 21, "nothing is released twice");
}

int main(void)
{
    arena = arena_new();
    test_percent();
    test_number();
    test_split();
    test_utf8();
    test_utf8_pieces();
    test_base64url();
    test_arena();
    arena_free(&arena);
    return done();
}
