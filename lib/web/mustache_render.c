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
#include "web/value.h"

struct context {
    const struct context *outer;
    struct value value;
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

static struct value lookup(const struct context *context, const char *keys, uint32_t parts)
{
    if (parts == 0)
        return context->value;
    struct value value = { .kind = VALUE_MISSING };
    for (; context && value.kind == VALUE_MISSING; context = context->outer)
        value = value_member(&context->value, keys);
    while (value.kind != VALUE_MISSING && --parts > 0) {
        keys += strlen(keys) + 1;
        value = value_member(&value, keys);
    }
    return value;
}

static struct value value_of(struct place place, const struct token *token)
{
    return lookup(place.context, place.mustache->keys + token->where, token->parts);
}

static bool json_is_something(const json_t *json)
{
    if (json_is_real(json))
        return json_real_value(json) < 0 || json_real_value(json) > 0;
    return !json_is_array(json) || json_array_size(json) > 0;
}

static bool is_true(const struct value *value)
{
    switch (value->kind) {
    case VALUE_MISSING:
    case VALUE_NULL:
    case VALUE_FALSE: return false;
    case VALUE_TRUE:
    case VALUE_OBJECT: return true;
    case VALUE_NUMBER: return value->number != 0;
    case VALUE_TEXT: return value->text.len > 0;
    case VALUE_LIST: return value->count > 0;
    case VALUE_JSON: return json_is_something(value->json);
    }
    return false;
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

static void put_value(struct buffer *out, const struct value *value, bool escaped)
{
    switch (value->kind) {
    case VALUE_TEXT: escaped ? put_escaped(out, value->text) : buffer_text(out, value->text); return;
    case VALUE_NUMBER: buffer_number(out, value->number); return;
    case VALUE_TRUE: buffer_string(out, "true"); return;
    case VALUE_FALSE: buffer_string(out, "false"); return;
    case VALUE_JSON:
        if (json_is_real(value->json))
            put_real(out, json_real_value(value->json));
        return;
    default: return;
    }
}

/* --- sections, partials, parents, blocks --- */

static void render_body(struct render *r, struct place place, uint32_t token, struct value value)
{
    struct context context = { place.context, value };
    place.context = &context;
    render(r, place, token + 1, place.mustache->tokens[token].next);
}

static void render_section(struct render *r, struct place place, uint32_t token)
{
    struct value value = value_of(place, &place.mustache->tokens[token]);
    if (!is_true(&value))
        return;
    if (!value_is_list(&value)) {
        render_body(r, place, token, value);
        return;
    }
    size_t count = value_length(&value);
    for (size_t i = 0; i < count && !r->error; i++)
        render_body(r, place, token, value_item(&value, i));
}

static void render_inverted(struct render *r, struct place place, uint32_t token)
{
    struct value value = value_of(place, &place.mustache->tokens[token]);
    if (!is_true(&value))
        render(r, place, token + 1, place.mustache->tokens[token].next);
}

static void render_variable(struct render *r, struct place place, const struct token *token)
{
    struct value value = value_of(place, token);
    r->inlined = false;
    put_value(r->out, &value, token->kind == TOKEN_ESCAPED);
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
    case TOKEN_RAW: render_variable(r, place, token); return;
    case TOKEN_SECTION: render_section(r, place, i); return;
    case TOKEN_INVERTED: render_inverted(r, place, i); return;
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

const char *mustache_fill(const struct mustache *mustache, struct value data, struct buffer *out)
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

const char *mustache_render(const struct mustache *mustache, const json_t *data, struct buffer *out)
{
    return mustache_fill(mustache, value_of_json(data), out);
}
