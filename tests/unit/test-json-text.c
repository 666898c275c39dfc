/* lib/web/json_text.c: what is written comes back through jansson as it was. */
#include "../support/tap.h"

#include <jansson.h>

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

int main(void)
{
    bool good = true;
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
