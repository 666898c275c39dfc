/* lib/web/json_text.c: what is written comes back through jansson as it was. */
#include "../support/tap.h"

#include <jansson.h>
#include <string.h>

#include "web/json_text.h"

/* Every byte that UTF-8 allows alone, pairs of what must be escaped, and longer characters. */
static bool comes_back(struct text text)
{
    struct buffer out = buffer_new(4096);
    json_text_string(&out, text);
    json_t *json = json_loadb(buffer_view(&out).at, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool same =
        json_is_string(json) && text_equal((struct text){ json_string_value(json), json_string_length(json) }, text);
    json_decref(json);
    buffer_free(&out);
    return same;
}

/* Each byte at each place of a text that is longer than what is looked at together, behind others of each sort. */
static bool plain_as_far_as(char before, size_t place, int c)
{
    char text[24];
    bool escaped = c < 0x20 || c == '"' || c == '\\';
    memset(text, before, sizeof text);
    text[place] = (char)c;
    return json_text_plain((struct text){ text, sizeof text }) == (escaped ? place : sizeof text) &&
           json_text_plain((struct text){ text, place }) == place;
}

static void test_plain(void)
{
    static const char before[] = { ' ', '!', '#', '[', ']', 0x7F, (char)0x80, (char)0xA2, (char)0xDC, (char)0xFF };
    bool good = true;
    for (size_t i = 0; i < sizeof before; i++)
        for (size_t place = 0; place < 24; place++)
            for (int c = 0; c < 0x100; c++)
                good = good && plain_as_far_as(before[i], place, c);
    ok(good,
       "quotes, backslashes and control characters are seen wherever they stand, and nothing else is taken for one");
}

int main(void)
{
    bool good = true;
    test_plain();
    for (int a = 0; a < 0x80; a++)
        for (int b = 0; b < 0x80; b++)
            good = good && comes_back((struct text){ (char[]){ (char)a, (char)b }, 2 });
    ok(good, "all pairs of ASCII characters");
    ok(comes_back(TEXT("")) && comes_back(TEXT("<a href=\"x\">\xC3\xA9\xF0\x9F\x98\x80\xE2\x80\xA8</a>\\\n")),
       "nothing, and HTML with other characters");
    struct buffer out = buffer_new(100);
    json_text_string_or_null(&out, TEXT(""));
    json_text_number(&out, INT64_MIN);
    is(buffer_view(&out).at, "null-9223372036854775808", "an empty text can be null, numbers are digits");
    buffer_free(&out);
    out = buffer_new(5);
    json_text_string(&out, TEXT("123456"));
    ok(out.full, "a limit is told");
    buffer_free(&out);
    return done();
}
