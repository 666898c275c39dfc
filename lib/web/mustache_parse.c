/* Source to tokens, in four passes over the tags: scan finds them, match pairs them, cut takes away the white space of
 * lines that hold nothing but tags (and finds indentation), emit writes tokens. Rendering is mustache_render.c.
 *
 * Which lines are cut. Sections, comments, delimiters and partials: a tag that is alone on its line. A parent: when
 * nothing but blanks stands before its opening and behind its closing tag, on however many lines; what is between is
 * not text. A block's opening tag: alone on its line; inside a parent, where the text before it is ignored anyway, when
 * the line ends behind it. A block that is closed on the line where it was opened is part of that line. */
#include "web/mustache.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "web/mustache_tokens.h"

struct tag {
    char sigil;          /* ! = # ^ / > < $, '&' for raw, 0 for escaped */
    bool alone;          /* its line was cut */
    bool argument;       /* a block directly inside a parent */
    uint32_t start, end; /* in the source; cut widens them */
    uint32_t close;      /* opening: its closing tag; closing: its opening one */
    struct span name, indent;
};

struct parser {
    struct mustache *made;
    struct arena *arena;
    const char **error;
    const char *source;
    uint32_t len;
    struct text open, close; /* the delimiters of now */
    struct tag *tags;
    uint32_t count, size;
    uint32_t key_bytes;
    uint32_t seen, line; /* line_indent: how far it looked, and the beginning of that line */
};

static size_t line_of(const char *source, uint32_t at)
{
    size_t line = 1;
    for (uint32_t i = 0; i < at; i++)
        line += source[i] == '\n';
    return line;
}

/* Set the error; always false. */
static bool refuse(struct parser *parser, uint32_t at, const char *sentence)
{
    *parser->error =
        arena_printf(parser->arena, "%s:%zu: %s", parser->made->file, line_of(parser->source, at), sentence);
    return false;
}

static bool refuse_name(struct parser *parser, uint32_t at, const char *before, struct text name, const char *behind)
{
    struct text shown = name.len > 80 ? (struct text){ name.at, 80 } : name;
    return refuse(parser, at, arena_printf(parser->arena, "%s\"%.*s\"%s", before, TEXT_ARGS(shown), behind));
}

/* --- scan --- */

static bool is_space(char c)
{
    return is_blank(c) || c == '\n' || c == '\r';
}

static struct span strip(const char *source, uint32_t from, uint32_t to)
{
    while (from < to && is_space(source[from]))
        from++;
    while (to > from && is_space(source[to - 1]))
        to--;
    return (struct span){ from, to - from };
}

/* Where needle stands at or behind from; len if nowhere. */
static uint32_t find(const struct parser *parser, uint32_t from, struct text needle)
{
    const char *at = memmem(parser->source + from, parser->len - from, needle.at, needle.len);
    return at ? (uint32_t)(at - parser->source) : parser->len;
}

static bool check_name(struct parser *parser, const struct tag *tag)
{
    struct text name = span_text(parser->made, tag->name);
    if (name.len == 0)
        return refuse(parser, tag->start, "this tag has no name.");
    if (name.len > MUSTACHE_NAME_MAX)
        return refuse(parser, tag->start, "this name is too long.");
    for (size_t i = 0; i < name.len; i++)
        if (is_space(name.at[i]) || name.at[i] == '\0')
            return refuse_name(parser, tag->start, "the name ", name, " has a blank or a NUL in it.");
    return true;
}

/* "<% %>": two words without '='. */
static bool set_delimiters(struct parser *parser, uint32_t start, struct span inside)
{
    struct text text = span_text(parser->made, inside);
    size_t first = 0, second = text.len;
    while (first < text.len && !is_space(text.at[first]))
        first++;
    while (second > 0 && !is_space(text.at[second - 1]))
        second--;
    bool two = first > 0 && second > first && second < text.len;
    for (size_t i = first; two && i < second; i++)
        two = is_space(text.at[i]);
    if (!two || memchr(text.at, '=', text.len))
        return refuse(parser, start, "delimiters are two words without \"=\", as in {{=<% %>=}}.");
    parser->open = (struct text){ text.at, first };
    parser->close = (struct text){ text.at + second, text.len - second };
    return true;
}

static bool add_tag(struct parser *parser, struct tag tag)
{
    if (parser->count == MUSTACHE_TAGS_MAX)
        return refuse(parser, tag.start, "the template has too many tags.");
    if (parser->count == parser->size) {
        parser->size = parser->size ? parser->size * 2 : 64;
        parser->tags = reallocarray(parser->tags, parser->size, sizeof *parser->tags);
        must(parser->tags != NULL);
    }
    parser->tags[parser->count++] = tag;
    return true;
}

/* The closing delimiter may have a sign before it: {{{x}}} and {{=| |=}}. Returns where it begins, or len. */
static uint32_t find_close(const struct parser *parser, uint32_t from, char sign, uint32_t *end)
{
    uint32_t at = from;
    for (;; at++) {
        at = find(parser, at, parser->close);
        if (at == parser->len)
            return parser->len;
        if (sign == '\0')
            break;
        if (at > from && parser->source[at - 1] == sign)
            break;
    }
    *end = at + (uint32_t)parser->close.len;
    return sign ? at - 1 : at;
}

static bool scan_tag(struct parser *parser, uint32_t start, uint32_t *end)
{
    const char *source = parser->source;
    uint32_t at = start + (uint32_t)parser->open.len;
    while (at < parser->len && is_space(source[at]))
        at++;
    char sigil = at < parser->len && source[at] && strchr("!=#^/><$&{", source[at]) ? source[at++] : '\0';
    uint32_t close = find_close(parser, at, sigil == '{' ? '}' : sigil == '=' ? '=' : '\0', end);
    if (close == parser->len)
        return refuse(parser, start, "this tag is not closed.");
    struct tag tag = {
        .sigil = sigil == '{' ? '&' : sigil, .start = start, .end = *end, .name = strip(source, at, close)
    };
    if (sigil == '=' && !set_delimiters(parser, start, tag.name))
        return false;
    if (sigil != '=' && sigil != '!' && !check_name(parser, &tag))
        return false;
    return add_tag(parser, tag);
}

static bool scan(struct parser *parser)
{
    uint32_t end = 0;
    for (;;) {
        uint32_t start = find(parser, end, parser->open);
        if (start == parser->len)
            return true;
        if (!scan_tag(parser, start, &end))
            return false;
    }
}

/* --- match --- */

static bool opens(char sigil)
{
    return sigil == '#' || sigil == '^' || sigil == '<' || sigil == '$';
}

static bool match_close(struct parser *parser, uint32_t i, const uint32_t *open, uint32_t *depth)
{
    struct tag *tag = &parser->tags[i];
    struct text name = span_text(parser->made, tag->name);
    if (*depth == 0)
        return refuse_name(parser, tag->start, "there is no open ", name, " to close here.");
    struct tag *opening = &parser->tags[open[--*depth]];
    struct text expected = span_text(parser->made, opening->name);
    if (!text_equal(name, expected)) {
        size_t line = line_of(parser->source, opening->start);
        return refuse_name(parser, tag->start, "this closes ", name,
                           arena_printf(parser->arena, ", but \"%.*s\" of line %zu is still open.",
                                        (int)(expected.len > 80 ? 80 : expected.len), expected.at, line));
    }
    opening->close = i;
    tag->close = open[*depth];
    return true;
}

static bool match(struct parser *parser)
{
    uint32_t open[MUSTACHE_NESTING_MAX], depth = 0;
    for (uint32_t i = 0; i < parser->count; i++) {
        struct tag *tag = &parser->tags[i];
        if (tag->sigil == '/' && !match_close(parser, i, open, &depth))
            return false;
        if (!opens(tag->sigil))
            continue;
        if (depth == MUSTACHE_NESTING_MAX)
            return refuse(parser, tag->start, "this is nested too deep.");
        tag->argument = tag->sigil == '$' && depth > 0 && parser->tags[open[depth - 1]].sigil == '<';
        open[depth++] = i;
    }
    if (depth == 0)
        return true;
    const struct tag *left = &parser->tags[open[depth - 1]];
    return refuse_name(parser, left->start, "", span_text(parser->made, left->name), " is not closed.");
}

/* --- cut --- */

/* Only blanks between the beginning of the line and at? Then *line is that beginning. */
static bool clear_before(const struct parser *parser, uint32_t at, uint32_t *line)
{
    while (at > 0 && is_blank(parser->source[at - 1]))
        at--;
    *line = at;
    return at == 0 || parser->source[at - 1] == '\n';
}

/* Only blanks between at and the end of the line? Then *next is the beginning of the next. */
static bool clear_behind(const struct parser *parser, uint32_t at, uint32_t *next)
{
    const char *source = parser->source;
    while (at < parser->len && is_blank(source[at]))
        at++;
    if (at + 1 < parser->len && source[at] == '\r' && source[at + 1] == '\n')
        at++;
    *next = at < parser->len ? at + 1 : at;
    return at == parser->len || source[at] == '\n';
}

/* First and last are one tag, or a parent's two. */
static void cut_line(struct parser *parser, struct tag *first, struct tag *last)
{
    uint32_t line, next;
    if (!clear_before(parser, first->start, &line) || !clear_behind(parser, last->end, &next))
        return;
    first->indent = (struct span){ line, first->start - line };
    first->alone = last->alone = true;
    first->start = line;
    last->end = next;
}

/* The blanks before the first line of a body which begins with a line; lines of nothing do not count.
 * A body without lines has those of its tag. */
static struct span body_indent(const struct parser *parser, uint32_t from, uint32_t to, struct span fallback)
{
    for (uint32_t next; from < to; from = next) {
        uint32_t at = from;
        if (clear_behind(parser, from, &next) && next <= to)
            continue;
        while (at < to && is_blank(parser->source[at]))
            at++;
        return at < to ? (struct span){ from, at - from } : fallback;
    }
    return fallback;
}

/* The blanks with which the line of a tag begins. Tags come in order, so the source is gone through once. */
static struct span line_indent(struct parser *parser, uint32_t at)
{
    for (; parser->seen < at; parser->seen++)
        if (parser->source[parser->seen] == '\n')
            parser->line = parser->seen + 1;
    uint32_t end = parser->line;
    while (end < at && is_blank(parser->source[end]))
        end++;
    return (struct span){ parser->line, end - parser->line };
}

static void cut_block(struct parser *parser, struct tag *tag)
{
    struct tag *close = &parser->tags[tag->close];
    uint32_t line, next;
    bool before = clear_before(parser, tag->start, &line);
    struct span own = before || tag->argument ? line_indent(parser, tag->start) : (struct span){ line, 0 };
    tag->indent = own;
    if ((before || tag->argument) && clear_behind(parser, tag->end, &next)) {
        tag->alone = true;
        tag->start = before ? line : tag->start;
        tag->end = next;
        tag->indent = body_indent(parser, next, close->start, own);
    }
    if (!clear_before(parser, close->start, &line) || line < tag->end)
        return;
    bool behind = clear_behind(parser, close->end, &next);
    if (!behind && !tag->argument)
        return;
    close->alone = true;
    close->start = line;
    close->end = behind ? next : close->end;
}

static void cut(struct parser *parser)
{
    for (uint32_t i = 0; i < parser->count; i++) {
        struct tag *tag = &parser->tags[i];
        if (tag->sigil == '<')
            cut_line(parser, tag, &parser->tags[tag->close]);
        else if (tag->sigil == '$')
            cut_block(parser, tag);
        else if (tag->sigil == '/' && strchr("<$", parser->tags[tag->close].sigil))
            continue; /* done with its opening tag */
        else if (tag->sigil != '&' && tag->sigil != '\0')
            cut_line(parser, tag, tag);
    }
}

/* --- emit --- */

static void emit_text(struct mustache *made, uint32_t from, uint32_t to)
{
    struct token *token = &made->tokens[made->count++];
    *token = (struct token){ .kind = TOKEN_TEXT, .next = made->count, .span = { from, to - from } };
}

/* The text before a tag. A tag with which a line begins has an empty text before it, for the indentation. */
static void emit_before(struct parser *parser, uint32_t from, const struct tag *tag)
{
    uint32_t at = tag->start;
    if (from < at)
        emit_text(parser->made, from, at);
    if (!tag->alone && (at == 0 || parser->source[at - 1] == '\n'))
        emit_text(parser->made, at, at);
}

/* Write the parts of a dotted name behind the other keys. */
static void emit_keys(struct parser *parser, struct token *token)
{
    struct text name = span_text(parser->made, token->span);
    token->where = parser->key_bytes;
    if (text_is(name, "."))
        return;
    char *keys = parser->made->keys + parser->key_bytes;
    token->parts = 1;
    for (size_t i = 0; i < name.len; i++) {
        keys[i] = name.at[i] == '.' ? '\0' : name.at[i];
        token->parts = (uint16_t)(token->parts + (name.at[i] == '.'));
    }
    keys[name.len] = '\0';
    parser->key_bytes += (uint32_t)name.len + 1;
}

static enum token_kind kind_of(char sigil)
{
    switch (sigil) {
    case '&': return TOKEN_RAW;
    case '#': return TOKEN_SECTION;
    case '^': return TOKEN_INVERTED;
    case '>': return TOKEN_PARTIAL;
    case '<': return TOKEN_PARENT;
    case '$': return TOKEN_BLOCK;
    default: return TOKEN_ESCAPED;
    }
}

static void emit_tag(struct parser *parser, const struct tag *tag)
{
    struct mustache *made = parser->made;
    struct token *token = &made->tokens[made->count++];
    enum token_kind kind = kind_of(tag->sigil);
    *token = (struct token){
        .kind = (uint8_t)kind, .alone = tag->alone, .next = made->count, .span = tag->name, .indent = tag->indent
    };
    if (kind == TOKEN_PARTIAL || kind == TOKEN_PARENT)
        token->where = made->link_count++;
    else if (kind != TOKEN_BLOCK)
        emit_keys(parser, token);
}

static void emit_tokens(struct parser *parser)
{
    struct mustache *made = parser->made;
    uint32_t open[MUSTACHE_NESTING_MAX], depth = 0, at = 0;
    for (uint32_t i = 0; i < parser->count; i++) {
        const struct tag *tag = &parser->tags[i];
        bool in_parent = depth > 0 && made->tokens[open[depth - 1]].kind == TOKEN_PARENT;
        if (in_parent && tag->sigil != '$' && tag->sigil != '/') { /* ignored, with all that is in it */
            i = opens(tag->sigil) ? tag->close : i;
            continue;
        }
        if (!in_parent)
            emit_before(parser, at, tag);
        at = tag->end;
        if (tag->sigil == '/')
            made->tokens[open[--depth]].next = made->count;
        else if (tag->sigil != '!' && tag->sigil != '=')
            emit_tag(parser, tag);
        if (opens(tag->sigil))
            open[depth++] = made->count - 1;
    }
    if (at < parser->len)
        emit_text(made, at, parser->len);
}

/* A tag makes at most three tokens: text, an empty text, itself. */
static void emit(struct parser *parser)
{
    struct mustache *made = parser->made;
    size_t most = (size_t)parser->count * 3 + 1, names = 0;
    for (uint32_t i = 0; i < parser->count; i++)
        names += (size_t)parser->tags[i].name.len + 1;
    struct token *room = calloc(most, sizeof *room);
    must(room != NULL);
    made->tokens = room;
    made->keys = arena_alloc(parser->arena, names);
    emit_tokens(parser);
    made->tokens = arena_array(parser->arena, made->count, sizeof *room);
    if (made->count)
        memcpy(made->tokens, room, made->count * sizeof *room);
    free(room);
    made->links = arena_array(parser->arena, made->link_count, sizeof(struct mustache *));
}

struct mustache *mustache_parse(struct text source, const char *file, struct arena *arena, const char **error)
{
    struct mustache *made = arena_alloc(arena, sizeof *made);
    made->file = arena_copy(arena, file, strlen(file));
    struct parser parser = { .made = made, .arena = arena, .error = error, .open = TEXT("{{"), .close = TEXT("}}") };
    if (source.len > MUSTACHE_SOURCE_MAX) {
        *error = arena_printf(arena, "%s:1: the template is larger than %d bytes.", file, MUSTACHE_SOURCE_MAX);
        return NULL;
    }
    made->source = text_copy(arena, source);
    parser.source = made->source.at;
    parser.len = (uint32_t)source.len;
    bool good = scan(&parser) && match(&parser);
    if (good) {
        cut(&parser);
        emit(&parser);
    }
    free(parser.tags);
    return good ? made : NULL;
}

bool mustache_link(struct mustache *mustache, mustache_find *find_template, void *all, struct arena *arena,
                   const char **error)
{
    bool complete = true;
    for (uint32_t i = 0; i < mustache->count; i++) {
        const struct token *token = &mustache->tokens[i];
        if (token->kind != TOKEN_PARTIAL && token->kind != TOKEN_PARENT)
            continue;
        struct text name = span_text(mustache, token->span);
        mustache->links[token->where] = find_template(all, name);
        if (mustache->links[token->where] || !complete)
            continue;
        complete = false;
        *error = arena_printf(arena, "%s:%zu: there is no template \"%.*s\".", mustache->file,
                              line_of(mustache->source.at, token->span.at), TEXT_ARGS(name));
    }
    return complete;
}
