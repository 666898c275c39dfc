/* Finding, reading and keeping template files. What they mean is mustache_parse.c and mustache_render.c. */
#include "web/view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/must.h"
#include "base/text.h"
#include "web/mustache.h"

static const char suffix[] = ".mustache";

struct entry {
    const char *name;
    struct mustache *mustache;
    bool linked;
};

struct view {
    struct arena *arena;   /* the templates, and this struct */
    struct entry *entries; /* sorted by name */
    size_t count;
};

/* What loading needs besides; error is in the view's arena until load_done copies it. */
struct loader {
    struct view *view;
    const char *folder;
    const char *error;
};

static bool refuse(struct loader *loader, const char *path, const char *sentence)
{
    loader->error = arena_printf(loader->view->arena, "%s: %s", path, sentence);
    return false;
}

/* The place of name, or where it would have to be put. */
static size_t place_of(const struct view *view, struct text name)
{
    size_t low = 0, high = view->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct text other = text_of(view->entries[middle].name);
        int order = memcmp(other.at, name.at, other.len < name.len ? other.len : name.len);
        if (order < 0 || (order == 0 && other.len < name.len))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct mustache *find(const struct view *view, struct text name)
{
    size_t at = place_of(view, name);
    return at < view->count && text_is(name, view->entries[at].name) ? view->entries[at].mustache : NULL;
}

static void add(struct view *view, const char *name, struct mustache *mustache)
{
    size_t at = place_of(view, text_of(name));
    memmove(&view->entries[at + 1], &view->entries[at], (view->count - at) * sizeof *view->entries);
    view->entries[at] = (struct entry){ name, mustache, false };
    view->count++;
}

/* --- files --- */

/* The whole file, but no more than one byte above what a template may have. False: errno says why. */
static bool read_all(int fd, struct buffer *out)
{
    for (;;) {
        char bytes[16 * 1024];
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        buffer_add(out, bytes, (size_t)got);
        if (out->full || out->len > MUSTACHE_SOURCE_MAX)
            return true; /* the parser refuses it */
    }
}

static bool load_file(struct loader *loader, const char *path, const char *name)
{
    struct view *view = loader->view;
    if (view->count == VIEW_TEMPLATES_MAX)
        return refuse(loader, path, "there are too many templates.");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refuse(loader, path, strerror(errno));
    struct buffer source = buffer_new(MUSTACHE_SOURCE_MAX + 64 * 1024);
    bool good = read_all(fd, &source);
    if (!good)
        refuse(loader, path, strerror(errno));
    close(fd);
    if (good) {
        struct mustache *mustache = mustache_parse(buffer_view(&source), path, view->arena, &loader->error);
        good = mustache != NULL;
        if (good)
            add(view, name, mustache);
    }
    buffer_free(&source);
    return good;
}

static bool load_folder(struct loader *, const char *path, const char *prefix, int depth);

static bool load_item(struct loader *loader, const char *folder, const char *prefix, const char *item, int depth)
{
    struct arena *arena = loader->view->arena;
    const char *path = arena_printf(arena, "%s/%s", folder, item);
    struct stat status;
    if (stat(path, &status) != 0)
        return refuse(loader, path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return load_folder(loader, path, arena_printf(arena, "%s%s/", prefix, item), depth + 1);
    struct text name = text_of(item);
    if (!S_ISREG(status.st_mode) || !text_ends(name, suffix))
        return true;
    return load_file(loader, path, arena_printf(arena, "%s%.*s", prefix, (int)(name.len - (sizeof suffix - 1)), item));
}

static bool load_folder(struct loader *loader, const char *path, const char *prefix, int depth)
{
    if (depth == VIEW_FOLDERS_MAX)
        return refuse(loader, path, "the folders are nested too deep.");
    DIR *folder = opendir(path);
    if (!folder)
        return refuse(loader, path, strerror(errno));
    bool good = true;
    for (struct dirent *item; good && (item = readdir(folder));)
        if (item->d_name[0] != '.')
            good = load_item(loader, path, prefix, item->d_name, depth);
    closedir(folder);
    return good;
}

/* --- linking --- */

static const struct mustache *find_loaded(void *all, struct text name)
{
    return find(((struct loader *)all)->view, name);
}

/* Words of letters, digits, "_", "-" and ".", none of them beginning with a dot, between slashes: nothing leaves the
 * folder. */
static bool is_name(struct text name)
{
    while (name.len) {
        struct text word = text_split(&name, '/');
        if (word.len == 0 || word.at[0] == '.')
            return false;
        for (size_t i = 0; i < word.len; i++) {
            char c = word.at[i];
            bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.')
                return false;
        }
    }
    return true;
}

static const struct mustache *find_or_load(void *all, struct text name)
{
    struct loader *loader = all;
    struct mustache *found = find(loader->view, name);
    if (found || loader->error || !is_name(name))
        return found;
    const char *path = arena_printf(loader->view->arena, "%s/%.*s%s", loader->folder, TEXT_ARGS(name), suffix);
    if (access(path, F_OK) != 0)
        return NULL;
    load_file(loader, path, text_string(loader->view->arena, name));
    return find(loader->view, name);
}

static struct entry *next_unlinked(struct view *view)
{
    for (size_t i = 0; i < view->count; i++)
        if (!view->entries[i].linked)
            return &view->entries[i];
    return NULL;
}

/* Linking may load more, which then wants linking itself. */
static bool link_all(struct loader *loader, mustache_find *finder, bool strict)
{
    for (struct entry *entry; (entry = next_unlinked(loader->view));) {
        entry->linked = true; /* first: adding others moves the entries */
        const char *missing;
        bool complete = mustache_link(entry->mustache, finder, loader, loader->view->arena, &missing);
        if (strict && !complete)
            loader->error = missing;
        if (loader->error)
            return false;
    }
    return true;
}

/* --- the whole --- */

static struct loader load_begin(const char *folder)
{
    struct arena *arena = arena_new();
    struct view *view = arena_alloc(arena, sizeof *view);
    view->arena = arena;
    view->entries = arena_array(arena, VIEW_TEMPLATES_MAX, sizeof *view->entries);
    return (struct loader){ .view = view, .folder = folder };
}

static struct view *load_done(struct loader *loader, bool good, struct arena *arena, const char **error)
{
    if (good)
        return loader->view;
    *error = arena_copy(arena, loader->error, strlen(loader->error));
    view_free(&loader->view);
    return NULL;
}

struct view *view_load(const char *folder, struct arena *arena, const char **error)
{
    struct loader loader = load_begin(folder);
    bool good = load_folder(&loader, folder, "", 0) && link_all(&loader, find_loaded, true);
    return load_done(&loader, good, arena, error);
}

struct view *view_load_file(const char *path, const char *folder, struct arena *arena, const char **error)
{
    struct loader loader = load_begin(folder);
    bool good = load_file(&loader, path, VIEW_FILE) && link_all(&loader, find_or_load, false);
    return load_done(&loader, good, arena, error);
}

void view_free(struct view **view)
{
    if (!*view)
        return;
    struct arena *arena = (*view)->arena;
    *view = NULL;
    arena_free(&arena);
}

bool view_has(const struct view *view, const char *name)
{
    return find(view, text_of(name)) != NULL;
}

static const char *try(const struct view *view, const char *name, struct value data, struct buffer *out)
{
    const struct mustache *mustache = find(view, text_of(name));
    must(mustache != NULL);
    return mustache_fill(mustache, data, out);
}

const char *view_try(const struct view *view, const char *name, const json_t *data, struct buffer *out)
{
    return try(view, name, value_of_json(data), out);
}

bool view_fill(const struct view *view, const char *name, struct value data, struct buffer *out)
{
    const char *why = try(view, name, data, out);
    if (why)
        log_event(LOG_ERROR, "view", LOG_S("template", name), LOG_S("error", why));
    return why == NULL;
}

bool view_render(const struct view *view, const char *name, const json_t *data, struct buffer *out)
{
    return view_fill(view, name, value_of_json(data), out);
}
