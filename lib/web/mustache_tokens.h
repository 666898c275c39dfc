/* What the parser hands to the renderer; for these two files only.
 *
 * A template is a flat row of tokens. What opens something says in `next` where its body ends, so closing tags are no
 * tokens; inside a parent stand only the blocks that replace, since all else there is ignored. */
#ifndef CONFAB_WEB_MUSTACHE_TOKENS_H
#define CONFAB_WEB_MUSTACHE_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum token_kind {
    TOKEN_TEXT,
    TOKEN_ESCAPED,
    TOKEN_RAW,
    TOKEN_SECTION,
    TOKEN_INVERTED,
    TOKEN_PARTIAL,
    TOKEN_PARENT,
    TOKEN_BLOCK
};

/* A piece of the source. */
struct span {
    uint32_t at, len;
};

struct token {
    uint8_t kind;       /* enum token_kind */
    bool alone;         /* partial, parent, block: stands on lines of its own, which are not part of the text */
    uint16_t parts;     /* variable, section: how many keys its dotted name has; 0 is {{.}} */
    uint32_t next;      /* the token behind this one and its body */
    struct span span;   /* text: the bytes (none: a line that begins with a tag); else the name */
    struct span indent; /* partial, parent: the blanks before it; block: the blanks before each line of its body */
    uint32_t where;     /* variable, section: its first key in `keys`; partial, parent: its place in `links` */
};

struct mustache {
    const char *file;
    struct text source;
    struct token *tokens;
    uint32_t count;
    char *keys; /* the parts of dotted names, each ended by NUL */
    const struct mustache **links;
    uint32_t link_count;
};

static inline struct text span_text(const struct mustache *mustache, struct span span)
{
    return (struct text){ mustache->source.at + span.at, span.len };
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

#endif
