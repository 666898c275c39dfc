/* What was rendered before: messages, as HTML or as JSON, and the list of people in a room. A message looks the same to
 * every viewer and is rendered for the page, for its author's reply and for the room, and the people are the same for
 * all who ask until one comes or goes: once is enough. A small cache of the process, safe to use from several threads.
 * It is no truth: what is not in it is rendered anew. */
#ifndef CONFAB_WEB_RENDERED_H
#define CONFAB_WEB_RENDERED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

struct arena;
struct config;
struct message;
struct presence_list;
struct view;

enum rendering { RENDERED_HTML, RENDERED_JSON, RENDERED_PEOPLE };

/* Which rendering: its kind, the template, and everything in it that is shown; of a message also its latest change. */
struct rendered_key {
    enum rendering kind;
    const struct view *view;
    int64_t id, rev;
    uint64_t hash;
};

struct rendered_key rendered_key(enum rendering, const struct config *, const struct view *, const struct message *);

/* That of a list of people. */
struct rendered_key rendered_people_key(struct arena *, const struct view *, const struct presence_list *);

/* Append it, if it is there. */
bool rendered_find(const struct rendered_key *, struct buffer *out);

/* Remember it, in the place of another. Long ones are not kept, so that the cache stays below 2.5 MiB. */
void rendered_keep(const struct rendered_key *, struct text rendered);

#endif
