/* The domain as JSON: for the views, and for the live protocol and the API (INTERFACE, `message`). */
#ifndef CONFAB_WEB_PRESENT_H
#define CONFAB_WEB_PRESENT_H

#include <jansson.h>

struct arena;
struct config;
struct message;
struct messages;
struct view;

/* What views/messages/_message.mustache needs. A new reference. */
json_t *present_message_view(const struct config *, struct arena *, const struct message *);

/* The <li> of all of them, one behind the other, as HTML in a JSON string. A new reference. */
json_t *present_messages(const struct config *, const struct view *, struct arena *, const struct messages *);

/* A message as INTERFACE describes it, with its rendered html; the same for every viewer. A new reference, or NULL when
 * the html passed a limit (logged). */
json_t *present_message(const struct config *, const struct view *, struct arena *, const struct message *);

/* How many bytes a rendered message can have at most. */
enum { PRESENT_HTML_MAX = 256 * 1024 };

#endif
