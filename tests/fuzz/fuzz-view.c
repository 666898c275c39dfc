/* Any template with any data: parts divided by a line "%%": template, JSON, and a partial which is found under every
 * name that begins with "p"; any other name is the template itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/must.h"
#include "web/mustache.h"

enum { OUTPUT_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct pair {
    struct mustache *template, *partial;
};

static const struct mustache *choose(void *all, struct text name)
{
    const struct pair *pair = all;
    return name.at[0] == 'p' ? pair->partial : pair->template;
}

static struct text next_part(struct text *rest)
{
    static const char line[] = "\n%%\n";
    const char *at = rest->len ? memmem(rest->at, rest->len, line, sizeof line - 1) : NULL;
    struct text part = { rest->at, at ? (size_t)(at - rest->at) : rest->len };
    size_t used = at ? part.len + sizeof line - 1 : part.len;
    *rest = (struct text){ rest->at + used, rest->len - used };
    return part;
}

static void render(struct pair *pair, const json_t *data, struct arena *arena)
{
    const char *error;
    if (pair->partial)
        (void)mustache_link(pair->partial, choose, pair, arena, &error);
    (void)mustache_link(pair->template, choose, pair, arena, &error);
    struct buffer out = buffer_new(OUTPUT_MAX);
    buffer_string(&out, "before");
    const char *why = mustache_render(pair->template, data, &out);
    must(out.len <= OUTPUT_MAX && memcmp(out.at, "before", 6) == 0);
    must(!why || out.len == 6);
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct text rest = { (const char *)bytes, len };
    struct text template = next_part(&rest), json = next_part(&rest);
    struct arena *arena = arena_new();
    const char *error = NULL;
    struct pair pair = { mustache_parse(template, "template", arena, &error), NULL };
    must(pair.template || (error && strncmp(error, "template:", 9) == 0));
    pair.partial = mustache_parse(rest, "partial", arena, &error);
    json_t *data = json_loadb(json.len ? json.at : "", json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (pair.template)
        render(&pair, data, arena);
    json_decref(data);
    arena_free(&arena);
    return 0;
}
