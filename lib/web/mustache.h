/* Mustache (https://mustache.github.io, the specification with its optional inheritance module) over jansson:
 *
 *     {{name}} {{a.b}} {{.}}      escaped: & < > " become &amp; &lt; &gt; &quot;, good for text and for attributes in
 *                                 double quotes, the only ones that views/ may have (tests/checks look)
 *     {{{name}}} {{&name}}        as it is
 *     {{#x}}..{{/x}} {{^x}}..{{/x}}  sections; {{! comment}}; {{=<% %>=}} other delimiters
 *     {{>part}}                   another template in place
 *     {{<layout}}{{$title}}Home{{/title}}{{/layout}}  another template with its blocks {{$title}}..{{/title}} replaced
 *
 * No lambdas and no dynamic names: what a template includes stands in its source, never in the data.
 * As false count: what is missing, null, false, 0, "" and the empty list. A list or an object interpolated is nothing.
 *
 * Where the specification is silent: an empty line gets no indentation; of two replacements of one block the first
 * counts; a block inside a replacement is one of the template where it is written, so nothing can replace itself for
 * ever.
 *
 * Here are one template's source and what it makes. The files of a folder are view.h. */
#ifndef CONFAB_WEB_MUSTACHE_H
#define CONFAB_WEB_MUSTACHE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/text.h"
#include "web/value.h"

struct arena;

enum {
    MUSTACHE_SOURCE_MAX = 256 * 1024, /* bytes of one template */
    MUSTACHE_TAGS_MAX = 16 * 1024,    /* tags of one template */
    MUSTACHE_NAME_MAX = 255,          /* bytes of a name */
    MUSTACHE_NESTING_MAX = 64,        /* sections, parents and blocks open at one place of the source */
    MUSTACHE_DEPTH_MAX = 128,         /* sections, partials, parents and blocks open at once while rendering */
    MUSTACHE_STEPS_MAX = 4000000,     /* tokens looked at in one rendering: ends what loops without writing */
    MUSTACHE_INDENT_MAX = 4096,       /* bytes put before a line by partials within partials */
};

struct mustache; /* one parsed template; never changes once it is linked, so that threads may share it */

/* Parse source (copied). Everything lives in the arena. NULL: *error is "file:line: sentence", in the arena. */
struct mustache *mustache_parse(struct text source, const char *file, struct arena *, const char **error)
    __attribute__((warn_unused_result));

/* Give each partial and parent that the template names its template, as find(all, name) answers; NULL renders as
 * nothing. False: some were not found, and *error says where the first is named. */
typedef const struct mustache *mustache_find(void *all, struct text name);
bool mustache_link(struct mustache *mustache, mustache_find *find_template, void *all, struct arena *arena,
                   const char **error);

/* Append the template filled with data to out. NULL if that went well; else a sentence, and out is as long as before.
 * The size of the output is bounded by out's limit. */
const char *mustache_render(const struct mustache *, const json_t *data, struct buffer *out)
    __attribute__((warn_unused_result));

/* The same with values that need not be JSON. */
const char *mustache_fill(const struct mustache *, struct value data, struct buffer *out)
    __attribute__((warn_unused_result));

#endif
