/* The templates of a folder: read and parsed once per process, then only rendered.
 * A template's name is its path in the folder without ".mustache": "rooms/show", "messages/_message"; partials and
 * parents are named the same way, from the folder and not from the template that names them. The language: mustache.h.
 */
#ifndef CONFAB_WEB_VIEW_H
#define CONFAB_WEB_VIEW_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buffer.h"
#include "web/value.h"

struct arena;
struct view; /* unchangeable once loaded: threads may render from it at the same time */

enum {
    VIEW_TEMPLATES_MAX = 1000, /* templates of one view */
    VIEW_FOLDERS_MAX = 8,      /* folders within folders */
};

/* Parse every *.mustache under folder; names that begin with a dot are passed over. A template that names a partial or
 * parent which does not exist is an error. On failure NULL, and *error is "file:line: sentence" (or "file: sentence" if
 * it cannot be read), in the arena. Free with view_free. */
struct view *view_load(const char *folder, struct arena *, const char **error) __attribute__((warn_unused_result));

/* One template file, named VIEW_FILE, with the partials and parents that it asks for, out of folder. As the
 * specification has it, one that does not exist renders as nothing. Failure as above. */
struct view *view_load_file(const char *path, const char *folder, struct arena *, const char **error)
    __attribute__((warn_unused_result));

#define VIEW_FILE ""

/* Clears the caller's pointer. NULL is fine. */
void view_free(struct view **);

bool view_has(const struct view *, const char *name);

/* Append the template filled with data (borrowed) to out, whose limit is the output's. False: a limit was met, which is
 * logged, and out is as it was. An unknown name is our own mistake and ends the process. */
bool view_render(const struct view *, const char *name, const json_t *data, struct buffer *out)
    __attribute__((warn_unused_result));

/* The same with values that need not be JSON. */
bool view_fill(const struct view *, const char *name, struct value data, struct buffer *out)
    __attribute__((warn_unused_result));

/* As view_render, without the log: NULL, or a sentence that says which limit. */
const char *view_try(const struct view *, const char *name, const json_t *data, struct buffer *out)
    __attribute__((warn_unused_result));

#endif
