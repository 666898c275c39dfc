/* THE table of what a browser can ask, and the guards that stand before each handler. */
#ifndef CONFAB_CGI_ROUTES_H
#define CONFAB_CGI_ROUTES_H

#include <stdbool.h>

#include "cgi-bin/request.h"

/* Who may. PUBLIC: nobody is looked up. ANYONE: guests and members. POSTER: members, and guests where site.guests is
 * on. */
enum needs { PUBLIC, ANYONE, POSTER };

/* What must come with a request that changes something. FORM: an urlencoded body of at most limits.body bytes with a
 * valid _csrf, from no other origin. */
enum takes { NOTHING, FORM };

struct route {
    enum method method;
    const char *pattern; /* segments; `:name` stands for one of any text */
    enum needs needs;
    enum takes takes;
    void (*handle)(struct request *);
    /* Instead of the bare 403, when a form of our own page came with a _csrf that does not hold any more: shows it
     * again, so that nothing typed is lost. NULL: the bare 403. */
    void (*refused)(struct request *);
};

/* The route of a request; fills its params. NULL: there is none; then *allow lists the methods of the path, or is NULL
 * where the path is unknown. */
const struct route *route_find(struct request *, const char **allow);

/* Answer a request that was read: find the route, ask its guards, call its handler. */
void route_dispatch(struct request *);

#endif
