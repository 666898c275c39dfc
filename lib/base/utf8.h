/* Text that people typed: UTF-8 checked, counted in code points, and put into its normal form. */
#ifndef CONFAB_BASE_UTF8_H
#define CONFAB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Well-formed UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF. */
bool utf8_valid(struct text);

/* The same for text that comes in pieces. A state starts as zeros; after the last piece utf8_complete tells whether the
 * text ended with a whole character. False at the first octet that cannot belong to UTF-8, whatever comes after it. */
struct utf8_state {
    unsigned char left, low, high; /* octets that the character still needs; what the next of them may be */
};
bool utf8_go_on(struct utf8_state *, struct text piece);
bool utf8_complete(const struct utf8_state *);

/* Take one code point off the front. False at the end, or where the text is not UTF-8 (nothing is taken). */
bool utf8_next(struct text *rest, uint32_t *point);

/* How many code points a valid text has. */
size_t utf8_count(struct text);

/* Holds a control character (general category Cc) other than newline and tab? */
bool utf8_has_control(struct text);

/* Holds a line break: newline, U+2028 or U+2029? */
bool utf8_has_line_break(struct text);

/* CRLF and CR become LF, then white space (Unicode White_Space) is cut off both ends. The copy is in the arena. */
struct text utf8_tidy(struct arena *, struct text);

/* The text with U+FFFD in place of what is no UTF-8, and of control characters other than newline and tab: fit to be
 * shown again. The copy is in the arena. */
struct text utf8_repair(struct arena *, struct text);

/* The first so many code points of the repaired text. */
struct text utf8_first(struct arena *, struct text, size_t most);

/* Nothing that could be seen: only white space and characters without a shape, such as U+200B. */
bool utf8_invisible(struct text);

#endif
