/* THE table of what a browser or a program can ask. What the rows say is looked at by guard.h. */
#ifndef CONFAB_CGI_ROUTES_H
#define CONFAB_CGI_ROUTES_H

#include <stdbool.h>

#include "cgi-bin/request.h"
#include "chat/needs.h"

/* In place of needs: nobody is looked up, whatever came along. */
#define PUBLIC (1u << 31)

/* What body is read. FORM: urlencoded, of at most limits.body bytes, with a valid _csrf, from no other origin. JSON: an
 * object, as application/json and nothing else; no _csrf, because the cookie is not taken where it is (under /api/). */
enum takes { TAKES_NOTHING, TAKES_FORM, TAKES_JSON };

/* Forms are sent by POST; `_method=delete` or `_method=patch` in one means the row of that method. Under /api/ the
 * methods themselves are used, and PUT is PATCH. */
struct route {
    enum method method;
    const char *pattern; /* segments; `:name` stands for one of any text */
    unsigned needs;      /* chat/needs.h, or PUBLIC */
    enum takes takes;
    void (*handle)(struct request *);
    /* Instead of the bare 403, when a form of our own page came with a _csrf that does not hold any more: shows it
     * again, so that nothing typed is lost. NULL: the bare 403. */
    void (*refused)(struct request *);
    /* Foretells what the handler will ask the database for (db_foretell), so that it goes along when the session is
     * looked up; the scope is that of whom the session was last time. May be NULL. */
    void (*ahead)(const struct request *, const struct scope *);
};

/* The route of a request; fills its params. Of a POST whose path has rows for forms of other methods alone, one of
 * these: which it is stands in the form. NULL: there is none; then *allow lists the methods of the path, or is NULL
 * where the path is unknown. */
const struct route *route_find(struct request *, const char **allow);

/* Answer a request that was read: find the route, ask its guards, call its handler. */
void route_dispatch(struct request *);

#endif
