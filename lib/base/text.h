/* Text with a length, as it came from outside: it may hold NUL and need not end with one.
 * What reads UTF-8 is in utf8.h; what grows is in buffer.h. */
#ifndef CONFAB_BASE_TEXT_H
#define CONFAB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct text {
    const char *at;
    size_t len;
};

#define TEXT(literal) ((struct text){ "" literal, sizeof(literal) - 1 })
/* For "%.*s"; the text must be shorter than INT_MAX. */
#define TEXT_ARGS(text) (int)(text).len, (text).at

/* The text of a C string; NULL gives the empty text. Points into it. */
struct text text_of(const char *string);

/* A copy in the arena, with a NUL behind it that is not counted. */
struct text text_copy(struct arena *, struct text);

/* A C string in the arena. A NUL inside would cut it: check with text_has_nul where that matters. */
char *text_string(struct arena *, struct text);

bool text_equal(struct text, struct text);
bool text_is(struct text, const char *string);
bool text_is_nocase(struct text, const char *string); /* ASCII letters only */
bool text_starts(struct text, const char *prefix);
bool text_ends(struct text, const char *suffix);
bool text_has_nul(struct text);

/* Cut head off at the first separator: rest becomes what follows it, or the empty text. Returns what stood before. */
struct text text_split(struct text *rest, char separator);

/* Without the ASCII spaces and tabs at its ends. */
struct text text_strip(struct text);

/* A decimal number without sign, spaces or leading zeros, in 0..max. False leaves *out alone. */
bool text_number(struct text, int64_t max, int64_t *out);

/* Base64url without padding (RFC 4648 section 5), in the arena. */
struct text text_base64url(struct arena *, const void *bytes, size_t len);

/* The bytes of a base64url text without padding; false if it is not exactly one. At most max_len bytes are made. */
bool text_unbase64url(struct text, unsigned char *out, size_t max_len, size_t *len);

/* Undo percent-encoding once; with plus, '+' is a space (forms and queries). False on a broken escape. */
bool text_percent_decode(struct arena *, struct text, bool plus, struct text *out);

/* Percent-encode everything but unreserved characters (RFC 3986 section 2.3). */
struct text text_percent_encode(struct arena *, struct text);

#endif
