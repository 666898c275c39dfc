/* What stands before every handler: who asks, what came with it, whether it was meant, and whether it is allowed.
 * Called from one place (routes.c) with the row of the route table in request->route; the row says what to look at. */
#ifndef CONFAB_CGI_GUARD_H
#define CONFAB_CGI_GUARD_H

#include <stdbool.h>

struct request;

/* Each is true to go on. False: the answer has been given. */

/* Who asks: fills scope and session. A page takes the cookie, and goes on as guest where it does not hold; a path under
 * /api/ takes a bearer token, and answers 401 where it does not hold. */
bool guard_session(struct request *) __attribute__((warn_unused_result));

/* What came: reads the body that the row takes. */
bool guard_body(struct request *) __attribute__((warn_unused_result));

/* Whether the asker may, and whether a form was sent from a page of ours by the very session. Whoever has to sign in
 * (again) first is sent there, also with an old form. */
bool guard_asker(struct request *) __attribute__((warn_unused_result));

/* For a page that is shown whatever happens (404): who asks, if that can be found out. */
void guard_glance(struct request *);

#endif
