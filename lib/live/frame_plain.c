#include "live/frame_plain.h"

#include <string.h>

#include "web/json_text.h"

/* What is left to be read. Whoever can not take what comes next leaves it, and then nobody can. */
static bool take(struct text *rest, char c)
{
    if (!rest->len || *rest->at != c)
        return false;
    rest->at++;
    rest->len--;
    return true;
}

/* A string whose characters all stand for themselves, up to its closing quote. */
static bool take_text(struct text *rest, struct text *out)
{
    if (!take(rest, '"'))
        return false;
    *out = (struct text){ rest->at, json_text_plain(*rest) };
    rest->at += out->len;
    rest->len -= out->len;
    return take(rest, '"');
}

/* A new reference, or NULL; jansson refuses what is no UTF-8. */
static json_t *take_string(struct text *rest)
{
    struct text text;
    return take_text(rest, &text) ? json_stringn(text.at, text.len) : NULL;
}

static json_t *take_ref(struct text *rest)
{
    struct text null = TEXT("null");
    if (rest->len < null.len || !text_equal((struct text){ rest->at, null.len }, null))
        return take_string(rest);
    rest->at += null.len;
    rest->len -= null.len;
    return json_null();
}

/* "key":"value"; no key twice. */
static bool take_pair(struct text *rest, json_t *object)
{
    struct text text;
    char key[FRAME_KEY_BYTES_MAX + 1];
    if (!take_text(rest, &text) || !take(rest, ':') || text.len > FRAME_KEY_BYTES_MAX)
        return false;
    memcpy(key, text.at, text.len);
    key[text.len] = '\0';
    json_t *value = take_string(rest);
    bool new = value && !json_object_get(object, key);
    if (new)
        return json_object_set_new(object, key, value) == 0; /* refuses a key that is no UTF-8 */
    json_decref(value);
    return false;
}

static json_t *take_object(struct text *rest)
{
    json_t *object = json_object();
    bool good = take(rest, '{');
    if (good && take(rest, '}'))
        return object;
    for (size_t pairs = 0; good && (pairs == 0 || take(rest, ',')); pairs++)
        good = pairs < FRAME_KEYS_MAX && take_pair(rest, object);
    if (good && take(rest, '}'))
        return object;
    json_decref(object);
    return NULL;
}

static bool append(json_t *whole, json_t *element)
{
    return element && json_array_append_new(whole, element) == 0;
}

static bool take_whole(struct text *rest, json_t *whole)
{
    return take(rest, '[') && append(whole, take_ref(rest)) && take(rest, ',') && append(whole, take_ref(rest)) &&
           take(rest, ',') && append(whole, take_string(rest)) && take(rest, ',') && append(whole, take_string(rest)) &&
           take(rest, ',') && append(whole, take_object(rest)) && take(rest, ']') && rest->len == 0;
}

static struct text string_text(const json_t *json)
{
    return (struct text){ json_string_value(json), json_string_length(json) };
}

bool frame_plain(struct text text, struct frame *frame)
{
    json_t *whole = json_array();
    if (!take_whole(&text, whole)) {
        json_decref(whole);
        return false;
    }
    *frame = (struct frame){ .whole = whole,
                             .join_ref = json_array_get(whole, 0),
                             .ref = json_array_get(whole, 1),
                             .topic = string_text(json_array_get(whole, 2)),
                             .event = string_text(json_array_get(whole, 3)),
                             .payload = json_array_get(whole, 4) };
    return true;
}
