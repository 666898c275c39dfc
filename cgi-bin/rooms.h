/* The chat page, which posting shows again when something is wrong. */
#ifndef CONFAB_CGI_ROOMS_H
#define CONFAB_CGI_ROOMS_H

#include <stdbool.h>

#include <jansson.h>

#include "base/text.h"

struct errors;
struct request;
struct room;

/* A room as the views know it. A new reference. */
json_t *rooms_view(const struct request *, const struct room *);

/* The chat page of a room with this status. typed: show again what the form's body holds, with the errors beside its
 * fields; else an untouched form. A program is told the errors alone. */
void rooms_page(struct request *, const struct room *, int status, bool typed, const struct errors *);

/* Find the room of the route. NULL: the answer (404 or 503) has been given. */
const struct room *rooms_find(struct request *, struct text slug);

#endif
