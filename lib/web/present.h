/* The domain as JSON: for the views, and for the live protocol and the API (INTERFACE, `message`). */
#ifndef CONFAB_WEB_PRESENT_H
#define CONFAB_WEB_PRESENT_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/text.h"

struct arena;
struct config;
struct message;
struct messages;
struct presence_list;
struct user;
struct view;

/* A picture's address if a page may show it, else the empty text: what lies on another site would tell that one who
 * reads here. */
struct text present_picture(const struct config *, struct text picture);

/* What views/messages/_message.mustache needs. A new reference. */
json_t *present_message_view(const struct config *, struct arena *, const struct message *);

/* The <li> of all of them, one behind the other, as HTML in a JSON string. A new reference. */
json_t *present_messages(const struct config *, const struct view *, struct arena *, const struct messages *);

/* Append a message as INTERFACE describes it, with its rendered html, as JSON; the same for every viewer. False, and
 * nothing usable behind what was there: it passed a limit of the html (logged), or the buffer's. */
bool present_message(const struct config *, const struct view *, struct arena *, const struct message *,
                     struct buffer *out) __attribute__((warn_unused_result));

/* A person as INTERFACE describes one; all: what only that person and admins see as well. Never a hash. A new
 * reference. */
json_t *present_user(const struct user *, bool all);

/* The list of people as HTML in a JSON string, by views/rooms/_people.mustache; empty if it passed a limit (logged). A
 * new reference. */
json_t *present_people(const struct view *, struct arena *, const struct presence_list *);

/* How many bytes a rendered message can have at most. */
enum { PRESENT_HTML_MAX = 256 * 1024 };

#endif
