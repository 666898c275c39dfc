/* Tokens and data to text.
 *
 * Indentation. While a partial or a block's replacement is rendered, `indent` is put before each line of its *source*
 * (never of values), and `strip`, the indentation which that source had where it was written, is taken away first.
 * `indent` is one string that grows with each level; `base` is where the part that counts now begins, since a partial
 * in the middle of a line starts again with none. A block without replacement changes neither.
 *
 * Replacements. Each parent that is being rendered is a frame; of several that replace a block the outermost wins, so
 * the template that was asked for has the last word. Inside a replacement only the frames outside its own count.
 *
 * Every way down passes through `render`, which counts depth and steps: nothing here recurses or loops without bound.
 */
#include "web/mustache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/mustache_tokens.h"

struct context {
    const struct context *outer;
    const json_t *value;
};

struct frame {
    const struct frame *outer;
    const struct mustache *mustache;
    uint32_t parent; /* the parent's token, with the replacements as its body */
};

/* Where we are: all that changes on the way down except the indentation. */
struct place {
    const struct mustache *mustache;
    const struct context *context;
    const struct frame *frames;
};

struct margin {
    size_t base, len;
    struct text strip;
};

struct render {
    struct buffer *out;
    const char *error;
    int steps, depth;
    struct buffer indent;
    size_t base;
    struct text strip;
    bool inlined; /* the next line begins in the middle of one: no indentation for it */
};

static void render(struct render *, struct place, uint32_t from, uint32_t to);

/* --- indentation --- */

/* How many blanks at the front of line are those of strip. */
static size_t common(struct text line, struct text strip)
{
    size_t len = 0;
    while (len < line.len && len < strip.len && line.at[len] == strip.at[len] && is_blank(line.at[len]))
        len++;
    return len;
}

static struct margin margin_save(const struct render *r)
{
    return (struct margin){ r->base, r->indent.len, r->strip };
}

static void margin_restore(struct render *r, struct margin margin)
{
    r->base = margin.base;
    r->strip = margin.strip;
    r->indent.len = margin.len;
}

/* More indentation, as it stands in the source that is being stripped. */
static void margin_add(struct render *r, struct text blanks)
{
    size_t stripped = common(blanks, r->strip);
    if (blanks.len > stripped)
        buffer_add(&r->indent, blanks.at + stripped, blanks.len - stripped);
    if (r->indent.full)
        r->error = "the indentation is too deep";
}

static void put_indent(struct render *r)
{
    if (r->indent.len > r->base)
        buffer_add(r->out, r->indent.at + r->base, r->indent.len - r->base);
}

/* A piece of source that does not go over a line's end. */
static void put_line(struct render *r, struct text line, bool begins)
{
    bool empty = line.len > 0 && (line.at[0] == '\n' || (line.len > 1 && line.at[0] == '\r' && line.at[1] == '\n'));
    size_t stripped = 0;
    if (begins && !empty) {
        if (!r->inlined)
            put_indent(r);
        stripped = common(line, r->strip);
    }
    r->inlined = false;
    if (line.len > stripped)
        buffer_add(r->out, line.at + stripped, line.len - stripped);
}

static void put_text(struct render *r, const struct mustache *mustache, struct span span)
{
    struct text rest = span_text(mustache, span);
    if (r->indent.len == r->base && r->strip.len == 0) {
        r->inlined = false;
        buffer_text(r->out, rest);
        return;
    }
    bool begins = span.at == 0 || mustache->source.at[span.at - 1] == '\n';
    do {
        const char *newline = rest.len ? memchr(rest.at, '\n', rest.len) : NULL;
        size_t len = newline ? (size_t)(newline - rest.at) + 1 : rest.len;
        put_line(r, (struct text){ rest.at, len }, begins);
        rest = (struct text){ rest.at + len, rest.len - len };
        begins = true;
    } while (rest.len);
}

/* --- values --- */

static const json_t *lookup(const struct context *context, const char *keys, uint32_t parts)
{
    if (parts == 0)
        return context->value;
    const json_t *value = NULL;
    for (; context && !value; context = context->outer)
        value = json_object_get(context->value, keys); /* NULL for what is no object */
    while (value && --parts > 0) {
        keys += strlen(keys) + 1;
        value = json_object_get(value, keys);
    }
    return value;
}

static const json_t *value_of(struct place place, const struct token *token)
{
    return lookup(place.context, place.mustache->keys + token->where, token->parts);
}

static bool is_true(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_NULL:
    case JSON_FALSE: return false;
    case JSON_STRING: return json_string_length(value) > 0;
    case JSON_INTEGER: return json_integer_value(value) != 0;
    case JSON_REAL: return json_real_value(value) < 0 || json_real_value(value) > 0;
    case JSON_ARRAY: return json_array_size(value) > 0;
    default: return true;
    }
}

static const char *entity(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    default: return NULL;
    }
}

static void put_escaped(struct buffer *out, struct text text)
{
    size_t done = 0;
    for (size_t i = 0; i < text.len && !out->full; i++) {
        const char *escaped = entity(text.at[i]);
        if (!escaped)
            continue;
        buffer_add(out, text.at + done, i - done);
        buffer_string(out, escaped);
        done = i + 1;
    }
    buffer_add(out, text.at + done, text.len - done);
}

/* The shortest digits that give the same number again. */
static void put_real(struct buffer *out, double real)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, real);
        double again = strtod(digits, NULL);
        if (again >= real && again <= real)
            break;
    }
    buffer_string(out, digits);
}

static void put_value(struct buffer *out, const json_t *value, bool escaped)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING: {
        struct text text = { json_string_value(value), json_string_length(value) };
        escaped ? put_escaped(out, text) : buffer_text(out, text);
        return;
    }
    case JSON_INTEGER: buffer_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); return;
    case JSON_REAL: put_real(out, json_real_value(value)); return;
    case JSON_TRUE: buffer_string(out, "true"); return;
    case JSON_FALSE: buffer_string(out, "false"); return;
    default: return;
    }
}

/* --- sections, partials, parents, blocks --- */

static void render_body(struct render *r, struct place place, uint32_t token, const json_t *value)
{
    struct context context = { place.context, value };
    place.context = &context;
    render(r, place, token + 1, place.mustache->tokens[token].next);
}

static void render_section(struct render *r, struct place place, uint32_t token)
{
    const json_t *value = value_of(place, &place.mustache->tokens[token]);
    if (!is_true(value))
        return;
    if (!json_is_array(value)) {
        render_body(r, place, token, value);
        return;
    }
    size_t count = json_array_size(value);
    for (size_t i = 0; i < count && !r->error; i++)
        render_body(r, place, token, json_array_get(value, i));
}

/* A partial, or a parent with its own replacements as the innermost of the frames. */
static void render_link(struct render *r, struct place place, const struct token *token)
{
    const struct mustache *other = place.mustache->links[token->where];
    if (!other)
        return;
    struct margin before = margin_save(r);
    if (token->alone)
        margin_add(r, span_text(place.mustache, token->indent));
    else
        r->base = r->indent.len;
    r->strip = (struct text){ 0 };
    place.mustache = other;
    render(r, place, 0, other->count);
    margin_restore(r, before);
}

static void render_parent(struct render *r, struct place place, uint32_t token)
{
    struct frame frame = { place.frames, place.mustache, token };
    place.frames = &frame;
    render_link(r, place, &place.mustache->tokens[token]);
}

/* The replacement of a block: its token and *owner, or NULL for none. */
static const struct token *find_replacement(struct render *r, struct place place, struct text name,
                                            const struct frame **owner)
{
    const struct token *found = NULL;
    for (const struct frame *frame = place.frames; frame; frame = frame->outer) {
        const struct token *tokens = frame->mustache->tokens;
        for (uint32_t i = frame->parent + 1; i < tokens[frame->parent].next; i = tokens[i].next) {
            r->steps++;
            if (!text_equal(span_text(frame->mustache, tokens[i].span), name))
                continue;
            found = &tokens[i];
            *owner = frame;
            break;
        }
    }
    return found;
}

static void render_block(struct render *r, struct place place, uint32_t token)
{
    const struct token *block = &place.mustache->tokens[token];
    const struct frame *owner = NULL;
    const struct token *instead = find_replacement(r, place, span_text(place.mustache, block->span), &owner);
    if (!instead) {
        render(r, place, token + 1, block->next);
        return;
    }
    uint32_t first = (uint32_t)(instead - owner->mustache->tokens) + 1;
    struct margin before = margin_save(r);
    margin_add(r, span_text(place.mustache, block->indent));
    r->strip = span_text(owner->mustache, instead->indent);
    r->inlined = instead->alone && !block->alone;
    if (block->alone && !instead->alone && first < instead->next)
        put_indent(r);
    render(r, (struct place){ owner->mustache, place.context, owner->outer }, first, instead->next);
    r->inlined = false;
    margin_restore(r, before);
}

static void render_token(struct render *r, struct place place, uint32_t i)
{
    const struct token *token = &place.mustache->tokens[i];
    switch ((enum token_kind)token->kind) {
    case TOKEN_TEXT: put_text(r, place.mustache, token->span); return;
    case TOKEN_ESCAPED:
    case TOKEN_RAW:
        r->inlined = false;
        put_value(r->out, value_of(place, token), token->kind == TOKEN_ESCAPED);
        return;
    case TOKEN_SECTION: render_section(r, place, i); return;
    case TOKEN_INVERTED:
        if (!is_true(value_of(place, token)))
            render(r, place, i + 1, token->next);
        return;
    case TOKEN_PARTIAL: render_link(r, place, token); return;
    case TOKEN_PARENT: render_parent(r, place, i); return;
    case TOKEN_BLOCK: render_block(r, place, i); return;
    }
}

static void check_limits(struct render *r)
{
    if (r->out->full)
        r->error = "the output is too large";
    else if (r->steps > MUSTACHE_STEPS_MAX)
        r->error = "the rendering takes too many steps";
}

static void render(struct render *r, struct place place, uint32_t from, uint32_t to)
{
    if (r->depth == MUSTACHE_DEPTH_MAX) {
        r->error = "the templates are nested too deep";
        return;
    }
    r->depth++;
    r->steps++; /* an empty body in a long list counts too */
    for (uint32_t i = from; i < to && !r->error; i = place.mustache->tokens[i].next) {
        r->steps++;
        render_token(r, place, i);
        if (!r->error)
            check_limits(r);
    }
    r->depth--;
}

const char *mustache_render(const struct mustache *mustache, const json_t *data, struct buffer *out)
{
    size_t before = out->len;
    struct render r = { .out = out, .indent = buffer_new(MUSTACHE_INDENT_MAX) };
    struct context context = { NULL, data };
    check_limits(&r);
    if (!r.error)
        render(&r, (struct place){ mustache, &context, NULL }, 0, mustache->count);
    buffer_free(&r.indent);
    if (!r.error)
        return NULL;
    out->len = before;
    if (out->at)
        out->at[before] = '\0';
    return r.error;
}
