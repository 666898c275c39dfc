/* JSON written straight into a buffer, for what is written often: jansson's own writer judges every character anew.
 * Texts must be UTF-8 (what comes from the database or a template is). */
#ifndef CONFAB_WEB_JSON_TEXT_H
#define CONFAB_WEB_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

/* How many bytes at the front stand for themselves in a string: up to a quote, a backslash, a control character, or the
 * end. */
size_t json_text_plain(struct text);

/* Append a string with its quotes (RFC 8259 section 7). */
void json_text_string(struct buffer *, struct text);

/* The same, or null for an empty text. */
void json_text_string_or_null(struct buffer *, struct text);

void json_text_number(struct buffer *, int64_t);

#endif
