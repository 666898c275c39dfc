#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

struct buffer buffer_new(size_t limit)
{
    return (struct buffer){ .limit = limit };
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->at);
    *buffer = buffer_new(buffer->limit);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
    buffer->full = false;
}

/* Make room for more bytes and a NUL. False: it would pass the limit. */
static bool reserve(struct buffer *buffer, size_t more)
{
    if (more > buffer->limit || buffer->len > buffer->limit - more) {
        buffer->full = true;
        return false;
    }
    size_t needed = buffer->len + more + 1;
    if (needed <= buffer->size)
        return true;
    size_t size = buffer->size ? buffer->size : 256;
    while (size < needed)
        must(!__builtin_mul_overflow(size, 2, &size));
    char *at = realloc(buffer->at, size);
    must(at != NULL);
    buffer->at = at;
    buffer->size = size;
    return true;
}

void buffer_expect(struct buffer *buffer, size_t more)
{
    bool full = buffer->full;
    (void)reserve(buffer, more < buffer->limit - buffer->len ? more : buffer->limit - buffer->len);
    buffer->full = full;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t len)
{
    if (!reserve(buffer, len))
        return;
    if (len)
        memcpy(buffer->at + buffer->len, bytes, len);
    buffer->len += len;
    buffer->at[buffer->len] = '\0';
}

void buffer_text(struct buffer *buffer, struct text text)
{
    buffer_add(buffer, text.at, text.len);
}

void buffer_string(struct buffer *buffer, const char *string)
{
    buffer_add(buffer, string, strlen(string));
}

void buffer_char(struct buffer *buffer, char c)
{
    buffer_add(buffer, &c, 1);
}

/* Most texts are short, and then formatted once. */
void buffer_number(struct buffer *buffer, int64_t number)
{
    char digits[20]; /* of -2^63: nineteen, and the sign */
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        digits[--at] = '-';
    buffer_add(buffer, digits + at, sizeof digits - at);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    enum { SHORT = 256 };
    char shorter[SHORT];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(shorter, sizeof shorter, format, args);
    va_end(args);
    must(len >= 0);
    if ((size_t)len < sizeof shorter) {
        buffer_add(buffer, shorter, (size_t)len);
        return;
    }
    if (!reserve(buffer, (size_t)len))
        return;
    va_start(args, format);
    vsnprintf(buffer->at + buffer->len, (size_t)len + 1, format, args);
    va_end(args);
    buffer->len += (size_t)len;
}

struct text buffer_view(const struct buffer *buffer)
{
    return (struct text){ buffer->at ? buffer->at : "", buffer->len };
}
