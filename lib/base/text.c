#include "base/text.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/must.h"

struct text text_of(const char *string)
{
    return string ? (struct text){ string, strlen(string) } : (struct text){ "", 0 };
}

struct text text_copy(struct arena *arena, struct text text)
{
    return (struct text){ arena_copy(arena, text.at, text.len), text.len };
}

char *text_string(struct arena *arena, struct text text)
{
    return arena_copy(arena, text.at, text.len);
}

bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool text_is(struct text text, const char *string)
{
    return text_equal(text, text_of(string));
}

bool text_is_nocase(struct text text, const char *string)
{
    return text.len == strlen(string) && (text.len == 0 || strncasecmp(text.at, string, text.len) == 0);
}

bool text_starts(struct text text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && (len == 0 || memcmp(text.at, prefix, len) == 0);
}

bool text_ends(struct text text, const char *suffix)
{
    size_t len = strlen(suffix);
    return text.len >= len && (len == 0 || memcmp(text.at + text.len - len, suffix, len) == 0);
}

bool text_has_nul(struct text text)
{
    return text.len && memchr(text.at, '\0', text.len) != NULL;
}

struct text text_split(struct text *rest, char separator)
{
    const char *end = rest->len ? memchr(rest->at, separator, rest->len) : NULL;
    struct text head = *rest;
    if (!end) {
        *rest = (struct text){ rest->at + rest->len, 0 };
        return head;
    }
    head.len = (size_t)(end - rest->at);
    rest->at += head.len + 1;
    rest->len -= head.len + 1;
    return head;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct text text_strip(struct text text)
{
    while (text.len && is_blank(text.at[0]))
        text.at++, text.len--;
    while (text.len && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

bool text_number(struct text text, int64_t max, int64_t *out)
{
    if (text.len == 0 || text.len > 19 || (text.len > 1 && text.at[0] == '0'))
        return false;
    int64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, text.at[i] - '0', &number))
            return false;
    }
    if (number > max)
        return false;
    *out = number;
    return true;
}

struct text text_base64url(struct arena *arena, const void *bytes, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *at = arena_alloc(arena, size);
    sodium_bin2base64(at, size, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return (struct text){ at, size - 1 };
}

/* 0 to 63, or -1. Without branches or tables that depend on it: what is read may be a secret. */
static int base64url_digit(unsigned char c)
{
    int upper = (('A' - 1 - c) & (c - ('Z' + 1))) >> 8 & (c - 'A' + 1);
    int lower = (('a' - 1 - c) & (c - ('z' + 1))) >> 8 & (c - 'a' + 27);
    int number = (('0' - 1 - c) & (c - ('9' + 1))) >> 8 & (c - '0' + 53);
    int minus = (('-' - 1 - c) & (c - ('-' + 1))) >> 8 & 63;
    int line = (('_' - 1 - c) & (c - ('_' + 1))) >> 8 & 64;
    return (upper | lower | number | minus | line) - 1;
}

/* Four digits are three bytes. At the end two are one byte and three are two, whose spare bits must be 0, so that each
 * text has one form. (libsodium's does the same at some ten times the cost, and each page reads a cookie.) */
bool text_unbase64url(struct text text, unsigned char *out, size_t max_len, size_t *len)
{
    uint32_t bits = 0, bad = 0;
    unsigned held = 0;
    if (text.len % 4 == 1 || text.len / 4 * 3 + (text.len % 4 ? text.len % 4 - 1 : 0) > max_len)
        return false;
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64url_digit((unsigned char)text.at[i]);
        bad |= (uint32_t)digit >> 31;
        bits = bits << 6 | ((uint32_t)digit & 63);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        out[(*len)++] = (unsigned char)(bits >> held);
    }
    return !bad && (bits & ((1u << held) - 1)) == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_percent_decode(struct arena *arena, struct text text, bool plus, struct text *out)
{
    char *at = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '%') {
            if (text.len - i < 3)
                return false;
            int high = hex_digit(text.at[i + 1]), low = hex_digit(text.at[i + 2]);
            if (high < 0 || low < 0)
                return false;
            at[len++] = (char)(high << 4 | low);
            i += 2;
        } else {
            at[len++] = plus && text.at[i] == '+' ? ' ' : text.at[i];
        }
    }
    *out = (struct text){ at, len };
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

struct text text_percent_encode(struct arena *arena, struct text text)
{
    static const char digits[] = "0123456789ABCDEF";
    must(text.len < SIZE_MAX / 3 - 1);
    char *at = arena_alloc(arena, text.len * 3 + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (is_unreserved(text.at[i])) {
            at[len++] = text.at[i];
            continue;
        }
        at[len++] = '%';
        at[len++] = digits[c >> 4];
        at[len++] = digits[c & 15];
    }
    return (struct text){ at, len };
}
