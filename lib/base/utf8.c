#include "base/utf8.h"

#include <string.h>

#include "base/arena.h"
#include "base/must.h"

/* How long the sequence is that begins with this byte, and what the byte itself contributes; 0: none begins so. */
static size_t sequence(unsigned char first, uint32_t *bits)
{
    if (first < 0x80) {
        *bits = first;
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        *bits = first & 0x1F;
        return 2;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        *bits = first & 0x0F;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        *bits = first & 0x07;
        return 4;
    }
    return 0;
}

static bool next_long(struct text *rest, uint32_t *point)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t value;
    size_t len = sequence((unsigned char)rest->at[0], &value);
    if (len == 0 || len > rest->len)
        return false;
    for (size_t i = 1; i < len; i++) {
        unsigned char next = (unsigned char)rest->at[i];
        if ((next & 0xC0) != 0x80)
            return false;
        value = value << 6 | (next & 0x3F);
    }
    if (value < smallest[len] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return false;
    rest->at += len;
    rest->len -= len;
    *point = value;
    return true;
}

/* Most of what people write is ASCII. */
static inline bool next(struct text *rest, uint32_t *point)
{
    if (rest->len == 0)
        return false;
    if ((unsigned char)*rest->at >= 0x80)
        return next_long(rest, point);
    *point = (unsigned char)*rest->at;
    rest->at++;
    rest->len--;
    return true;
}

bool utf8_next(struct text *rest, uint32_t *point)
{
    return next(rest, point);
}

/* RFC 3629 4: what may follow depends on the first octet, and only the second one has bounds of its own. */
static bool begin_character(struct utf8_state *state, unsigned char first)
{
    uint32_t bits;
    size_t len = sequence(first, &bits);
    state->left = (unsigned char)(len ? len - 1 : 0);
    state->low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    state->high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    return len > 0;
}

/* How many bytes are ASCII, by eight at a time. */
static size_t ascii_length(const char *at, size_t len)
{
    size_t ascii = 0;
    uint64_t eight;
    for (; len - ascii >= sizeof eight; ascii += sizeof eight) {
        memcpy(&eight, at + ascii, sizeof eight);
        if (eight & 0x8080808080808080u)
            return ascii;
    }
    return ascii;
}

bool utf8_valid(struct text text)
{
    uint32_t point;
    do {
        size_t ascii = ascii_length(text.at, text.len);
        text.at += ascii;
        text.len -= ascii;
    } while (next(&text, &point));
    return text.len == 0;
}

bool utf8_go_on(struct utf8_state *state, struct text piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        if (!state->left)
            i += ascii_length(piece.at + i, piece.len - i);
        if (i == piece.len)
            break;
        unsigned char c = (unsigned char)piece.at[i];
        if (!state->left) {
            if (!begin_character(state, c))
                return false;
        } else if (c < state->low || c > state->high) {
            return false;
        } else {
            state->left--;
            state->low = 0x80;
            state->high = 0xBF;
        }
    }
    return true;
}

bool utf8_complete(const struct utf8_state *state)
{
    return state->left == 0;
}

size_t utf8_count(struct text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return count;
}

static bool is_control(uint32_t point)
{
    return (point < 0x20 && point != '\n' && point != '\t') || (point >= 0x7F && point <= 0x9F);
}

bool utf8_has_control(struct text text)
{
    uint32_t point;
    while (next(&text, &point))
        if (is_control(point))
            return true;
    return false;
}

bool utf8_has_line_break(struct text text)
{
    uint32_t point;
    while (next(&text, &point))
        if (point == '\n' || point == 0x2028 || point == 0x2029)
            return true;
    return false;
}

/* Unicode property White_Space (PropList.txt). U+0085 is also a control character and never gets as far as the
 * database. */
static bool is_space(uint32_t point)
{
    return (point >= 0x09 && point <= 0x0D) || point == 0x20 || point == 0x85 || point == 0xA0 || point == 0x1680 ||
           (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 || point == 0x202F ||
           point == 0x205F || point == 0x3000;
}

/* Characters that take no room and draw nothing (Default_Ignorable_Code_Point, those met in practice). */
static bool is_shapeless(uint32_t point)
{
    return point == 0xAD || point == 0x34F || point == 0x61C || (point >= 0x115F && point <= 0x1160) ||
           (point >= 0x180B && point <= 0x180F) || (point >= 0x200B && point <= 0x200F) ||
           (point >= 0x202A && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) || point == 0x2800 ||
           point == 0x3164 || (point >= 0xFE00 && point <= 0xFE0F) || point == 0xFEFF || point == 0xFFA0 ||
           (point >= 0xE0000 && point <= 0xE0FFF);
}

bool utf8_invisible(struct text text)
{
    uint32_t point;
    while (next(&text, &point))
        if (!is_space(point) && !is_shapeless(point))
            return false;
    return true;
}

static struct text newlines(struct arena *arena, struct text text)
{
    char *at = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\r') {
            at[len++] = '\n';
            if (i + 1 < text.len && text.at[i + 1] == '\n')
                i++;
        } else {
            at[len++] = text.at[i];
        }
    }
    return (struct text){ at, len };
}

struct text utf8_tidy(struct arena *arena, struct text text)
{
    struct text tidy = newlines(arena, text), rest = tidy;
    uint32_t point;
    const char *start = NULL, *end = tidy.at;
    for (const char *before = rest.at; next(&rest, &point); before = rest.at) {
        if (is_space(point))
            continue;
        if (!start)
            start = before;
        end = rest.at;
    }
    if (rest.len) /* not UTF-8: leave it for the caller to refuse */
        return tidy;
    return start ? (struct text){ start, (size_t)(end - start) } : (struct text){ tidy.at, 0 };
}

struct text utf8_repair(struct arena *arena, struct text text)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    must(text.len < SIZE_MAX / 3);
    char *at = arena_alloc(arena, text.len * 3 + 1);
    size_t len = 0;
    while (text.len) {
        struct text rest = text;
        uint32_t point;
        bool good = next(&rest, &point), lone_return = good && point == '\r';
        size_t taken = good ? text.len - rest.len : 1;
        if (good && (!is_control(point) || lone_return)) {
            memcpy(at + len, text.at, taken);
            len += taken;
        } else {
            memcpy(at + len, replacement, 3);
            len += 3;
        }
        text.at += taken;
        text.len -= taken;
    }
    return (struct text){ at, len };
}

struct text utf8_first(struct arena *arena, struct text text, size_t most)
{
    struct text whole = utf8_repair(arena, text), rest = whole;
    uint32_t point;
    while (most-- && next(&rest, &point))
        ;
    return (struct text){ whole.at, whole.len - rest.len };
}
