/* The lines of rooms as pages showed them last, and the people: as long as a room stands as it did then they need
 * neither be read nor rendered again. A small table of the process, which answers one request at a time. Whether they
 * still hold is not known here: that is asked for each page (room_page). */
#ifndef CONFAB_CGI_LINES_H
#define CONFAB_CGI_LINES_H

#include <stdint.h>

#include <jansson.h>

#include "chat/room.h"

struct lines {
    struct room_stand stand;
    int64_t first; /* seq of the first one; 0: there are none */
    json_t *html, *people;
    int64_t until; /* clock_steady; 0: for a minute from now */
};

/* Those of the room that had that slug, or NULL. Valid until the next lines_keep. */
const struct lines *lines_find(struct text slug);

/* Keep them, in the place of others. All is copied but html and people, of which the table holds references. Long ones
 * are not kept, so that the table stays below 2 MiB. */
void lines_keep(const struct lines *);

void lines_forget(void);

#endif
