/* What every page has in common: the data of the layout, the guest's identity, rendering. */
#ifndef CONFAB_CGI_PAGE_H
#define CONFAB_CGI_PAGE_H

#include <jansson.h>

#include "base/text.h"
#include "web/flash.h"

struct arena;
struct config;
struct request;

/* Give a visitor without a session an identity that lasts (a cookie), and renew one that is old. Every page with a
 * form, or that goes live, calls it before page_data, which does it for members by itself. */
void page_identify(struct request *);

/* Say something on the next page. */
void page_flash(struct request *, enum flash);

/* What the layout says of the site, the same in every page: made once. A new reference. */
json_t *page_site(const struct config *, struct arena *);

/* The layout's data, with what the last page left to say, which is then said. A new reference; belongs to the request
 * once page_render was called with it. */
json_t *page_data(struct request *, const char *title);

/* Render a view as the answer, with this status; takes data. A page past its limits becomes a 500. */
void page_render(struct request *, int status, const char *view, json_t *data);

/* Text that came from outside, for showing again: whatever is no UTF-8, and control characters, become U+FFFD. A new
 * reference. */
json_t *page_typed(struct request *, struct text typed);

#endif
