/* confab render: see what a template makes of some data, without a server. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "web/view.h"

enum { OUTPUT_MAX = 16 * 1024 * 1024 };

struct wanted {
    const char *template, *data, *partials;
};

static int usage(void)
{
    fputs("usage: confab render TEMPLATE --data FILE.json [--partials DIR]\n", stderr);
    return 2;
}

static int fail(const char *sentence)
{
    fprintf(stderr, "confab render: %s\n", sentence);
    return 1;
}

static bool read_arguments(int argc, char **argv, struct wanted *wanted)
{
    for (int i = 1; i < argc; i++) {
        const char **to = &wanted->template;
        if (strcmp(argv[i], "--data") == 0)
            to = &wanted->data;
        else if (strcmp(argv[i], "--partials") == 0)
            to = &wanted->partials;
        else if (argv[i][0] == '-')
            return false;
        if (to != &wanted->template && ++i == argc)
            return false;
        if (*to)
            return false; /* given twice */
        *to = argv[i];
    }
    return wanted->template && wanted->data;
}

static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return slash == path ? "/" : arena_copy(arena, path, (size_t)(slash - path));
}

static json_t *read_data(struct arena *arena, const char *path, const char **error)
{
    json_error_t why;
    json_t *data = json_load_file(path, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &why);
    if (!data && why.line > 0)
        *error = arena_printf(arena, "%s:%d: %s", path, why.line, why.text);
    else if (!data)
        *error = arena_printf(arena, "%s: %s", path, why.text);
    return data;
}

static int write_out(struct text text)
{
    if (fwrite(text.at, 1, text.len, stdout) != text.len || fflush(stdout) != 0)
        return fail("standard output cannot be written.");
    return 0;
}

static int render(struct arena *arena, const struct wanted *wanted, const json_t *data)
{
    const char *error = NULL;
    struct view *view = view_load_file(wanted->template, wanted->partials, arena, &error);
    if (!view)
        return fail(error);
    struct buffer out = buffer_new(OUTPUT_MAX);
    error = view_try(view, VIEW_FILE, data, &out);
    view_free(&view);
    int status = error ? fail(arena_printf(arena, "%s: %s.", wanted->template, error)) : write_out(buffer_view(&out));
    buffer_free(&out);
    return status;
}

int cli_render(int argc, char **argv)
{
    struct wanted wanted = { 0 };
    if (!read_arguments(argc, argv, &wanted))
        return usage();
    struct arena *arena = arena_new();
    if (!wanted.partials)
        wanted.partials = folder_of(arena, wanted.template);
    const char *error = NULL;
    json_t *data = read_data(arena, wanted.data, &error);
    int status = data ? render(arena, &wanted, data) : fail(error);
    json_decref(data);
    arena_free(&arena);
    return status;
}
