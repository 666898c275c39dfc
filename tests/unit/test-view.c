/* Each folder in tests/unit/view is a case: template.mustache and partials/, data.json (or {}), and what comes of them:
 * `expected`, or `error`, a sentence. Here in C are the folder of templates and what files cannot show well. */
#include "../support/tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/log.h"
#include "web/mustache.h"
#include "web/view.h"

enum { OUTPUT_MAX = 1024 * 1024 };

static struct arena *arena;

/* --- case folders --- */

/* A file's bytes, NULL if there is none. */
static struct text *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    struct buffer bytes = buffer_new(OUTPUT_MAX);
    char part[4096];
    for (size_t got; (got = fread(part, 1, sizeof part, file)) > 0;)
        buffer_add(&bytes, part, got);
    fclose(file);
    struct text *text = arena_alloc(arena, sizeof *text);
    *text = text_copy(arena, buffer_view(&bytes));
    buffer_free(&bytes);
    return text;
}

static void render_case(const char *folder, struct buffer *out, const char **error)
{
    struct text *source = slurp(arena_printf(arena, "%s/data.json", folder));
    json_t *data = source ? json_loadb(source->at, source->len, JSON_ALLOW_NUL, NULL) : json_object();
    struct view *view = view_load_file(arena_printf(arena, "%s/template.mustache", folder),
                                       arena_printf(arena, "%s/partials", folder), arena, error);
    if (view)
        *error = view_try(view, VIEW_FILE, data, out);
    view_free(&view);
    json_decref(data);
    if (*error && strncmp(*error, folder, strlen(folder)) == 0)
        *error += strlen(folder) + 1;
}

static void test_case(const char *folder, const char *name)
{
    struct buffer out = buffer_new(OUTPUT_MAX);
    const char *error = NULL;
    render_case(folder, &out, &error);
    struct text *expected = slurp(arena_printf(arena, "%s/expected", folder));
    struct text *refusal = slurp(arena_printf(arena, "%s/error", folder));
    if (refusal) {
        is(error ? arena_printf(arena, "%s\n", error) : NULL, refusal->at, "%s is refused", name);
        ok(out.len == 0, "and nothing is written");
    } else {
        is(error, NULL, "%s renders", name);
        if (expected && !text_has_nul(*expected))
            is(buffer_view(&out).at, expected->at, "as expected");
        else
            ok(expected && text_equal(buffer_view(&out), *expected), "as expected, byte for byte");
    }
    buffer_free(&out);
}

static void test_cases(const char *root)
{
    struct dirent **items;
    int count = scandir(root, &items, NULL, alphasort);
    ok(count > 2, "the cases are found");
    for (int i = 0; i < count; i++) {
        if (items[i]->d_name[0] != '.')
            test_case(arena_printf(arena, "%s/%s", root, items[i]->d_name), items[i]->d_name);
        free(items[i]);
    }
    free(count < 0 ? NULL : items);
}

/* --- the parser's bounds --- */

static const char *parse_error(struct text source)
{
    const char *error = NULL;
    return mustache_parse(source, "t", arena, &error) ? NULL : error;
}

static struct text repeat(const char *piece, size_t count)
{
    struct buffer buffer = buffer_new(SIZE_MAX / 4);
    for (size_t i = 0; i < count; i++)
        buffer_string(&buffer, piece);
    struct text text = text_copy(arena, buffer_view(&buffer));
    buffer_free(&buffer);
    return text;
}

static void test_bounds(void)
{
    is(parse_error(repeat("x", MUSTACHE_SOURCE_MAX)), NULL, "the largest source is parsed");
    is(parse_error(repeat("x", MUSTACHE_SOURCE_MAX + 1)), "t:1: the template is larger than 262144 bytes.",
       "one byte more is refused");
    is(parse_error(repeat("{{a}}\n", MUSTACHE_TAGS_MAX)), NULL, "so are as many tags as may be");
    is(parse_error(repeat("{{a}}\n", MUSTACHE_TAGS_MAX + 1)), "t:16385: the template has too many tags.",
       "and one more");
    ok(strncmp(parse_error(TEXT("{{a\0b}}")), "t:1: the name", 13) == 0, "a NUL in a name is refused");
    is(parse_error(repeat("{{#a}}", MUSTACHE_TAGS_MAX)), "t:1: this is nested too deep.", "only openings are refused");
    is(parse_error(TEXT("")), NULL, "nothing is a template");
}

/* Inputs that end where memory ends: reading one byte too far is a crash. */
static void test_edge(void)
{
    static const char *const sources[] = {
        "{{",    "{{!",      "{{{", "{{=",    "{{=<% %>=", "{{a}",           "{{{a}}",      "{{#a}}\r",
        "a {{>", "{{$b}}  ", "x",   "{{a}} ", "{{a}}\r",   "{{<a}}{{/a}}  ", "{{={{ }}=}}{"
    };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at = mmap(NULL, page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(at + page, page, PROT_NONE);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        size_t len = strlen(sources[i]);
        memcpy(at + page - len, sources[i], len);
        parse_error((struct text){ at + page - len, len });
    }
    ok(true, "no source is read past its end");
    munmap(at, page * 2);
}

/* --- a folder of templates --- */

static char folder[] = "test-view-XXXXXX";

static void put(const char *name, const char *source)
{
    FILE *file = fopen(arena_printf(arena, "%s/%s", folder, name), "wb");
    ok(file && fputs(source, file) >= 0 && fclose(file) == 0, "(%s is written)", name);
}

static void drop(const char *name)
{
    remove(arena_printf(arena, "%s/%s", folder, name));
}

/* What loading says, without the folder. */
static const char *load_error(void)
{
    const char *error = NULL;
    struct view *view = view_load(folder, arena, &error);
    bool loaded = view != NULL;
    view_free(&view);
    if (loaded)
        return NULL;
    return strncmp(error, folder, strlen(folder)) == 0 ? error + strlen(folder) : error;
}

static void test_render(void)
{
    const char *error = NULL;
    struct view *view = view_load(folder, arena, &error);
    ok(view != NULL, "a folder is loaded");
    ok(view_has(view, "page") && view_has(view, "rooms/show") && view_has(view, "rooms/_name"),
       "a template's name is its path without the suffix");
    ok(!view_has(view, "page.mustache") && !view_has(view, "notes") && !view_has(view, ".hidden") &&
           !view_has(view, ""),
       "other files are none");
    json_t *data = json_pack("{s:s}", "name", "<a>");
    struct buffer out = buffer_new(29);
    buffer_string(&out, "before:");
    ok(view_render(view, "rooms/show", data, &out), "it renders");
    is(buffer_view(&out).at, "before:<&lt;a&gt;>", "behind what was there");
    ok(view_render(view, "rooms/show", data, &out), "again, just up to the limit");
    ok(!view_render(view, "rooms/show", data, &out), "but not past it");
    is(buffer_view(&out).at, "before:<&lt;a&gt;><&lt;a&gt;>", "and then nothing is added");
    buffer_free(&out);
    json_decref(data);
    view_free(&view);
    ok(view == NULL, "freeing clears the pointer");
}

static void test_folder(void)
{
    ok(mkdtemp(folder) != NULL, "(a folder is made)");
    mkdir(arena_printf(arena, "%s/rooms", folder), 0700);
    put("page.mustache", "<{{$main}}{{/main}}>");
    put("rooms/show.mustache", "{{<page}}{{$main}}{{>rooms/_name}}{{/main}}{{/page}}");
    put("rooms/_name.mustache", "{{name}}");
    put("notes.txt", "{{");
    put(".hidden.mustache", "{{");
    test_render();
    put("rooms/bad.mustache", "\n{{>_name}}");
    is(load_error(), "/rooms/bad.mustache:2: there is no template \"_name\".",
       "a missing partial is an error at loading");
    put("rooms/bad.mustache", "{{<rooms/none}}{{/rooms/none}}");
    is(load_error(), "/rooms/bad.mustache:1: there is no template \"rooms/none\".", "a missing parent too");
    put("rooms/bad.mustache", "{{#x}}");
    is(load_error(), "/rooms/bad.mustache:1: \"x\" is not closed.", "and what does not parse");
    put("rooms/bad.mustache", repeat("xxxxxxxxxxxxxxxx", MUSTACHE_SOURCE_MAX / 16 + 1).at);
    is(load_error(), "/rooms/bad.mustache:1: the template is larger than 262144 bytes.", "and what is too large");
    static const char *const files[] = { "rooms/bad.mustache",
                                         "rooms/show.mustache",
                                         "rooms/_name.mustache",
                                         "page.mustache",
                                         "notes.txt",
                                         ".hidden.mustache",
                                         "rooms",
                                         "" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        drop(files[i]);
    is(load_error(), ": No such file or directory", "a missing folder is an error");
}

int main(void)
{
    arena = arena_new();
    log_open("test", LOG_ERROR);
    test_cases(TESTS "/unit/view");
    test_bounds();
    test_edge();
    test_folder();
    arena_free(&arena);
    return done();
}
