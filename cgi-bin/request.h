/* One request as a handler sees it: what was asked, who asks, and the answer in the making. */
#ifndef CONFAB_CGI_REQUEST_H
#define CONFAB_CGI_REQUEST_H

#include <stdbool.h>

#include <jansson.h>

#include "base/text.h"
#include "cgi-bin/answer.h"
#include "chat/scope.h"
#include "web/form.h"
#include "web/session.h"

struct gateway;
struct house;
struct route;
struct view;

enum method { METHOD_GET, METHOD_POST, METHOD_PATCH, METHOD_DELETE, METHOD_OPTIONS, METHOD_OTHER };

enum { ROUTE_PARAMS_MAX = 3, PATH_MAX_BYTES = 2048, QUERY_MAX_BYTES = 8192 };

struct request {
    struct house *house;
    struct gateway *gateway;
    const struct view *view;
    const char *id; /* of this request, for log and error page */

    /* asked */
    struct text method_name;
    enum method method; /* HEAD counts as GET, PUT as PATCH */
    bool head;
    struct text target; /* as it came: path and query */
    struct text path;   /* decoded, below the base path, with its leading slash */
    struct text origin, fetch_site, content_type;
    bool api;        /* below /api/ */
    bool wants_json; /* an API client: errors as problem+json */
    struct form query, body;
    json_t *json; /* the body of a route that takes JSON: an object, the arena's */
    const struct route *route;
    struct text params[ROUTE_PARAMS_MAX]; /* what stood for :name in the route's pattern */

    /* asking */
    struct scope scope;
    struct session session;

    struct answer answer;
};

/* Read everything but the body. 0, or the status to refuse with. The scope has arena, db and config already. */
int request_read(struct request *, struct gateway *);

/* Read a body of at most so many bytes, of that media type (NULL: of any). 0, or the status to refuse with. */
int request_read_body(struct request *, const char *type, int64_t limit, struct text *out);

/* Read and decode a form's body of at most limits.body bytes. 0, or the status to refuse with. */
int request_read_form(struct request *);

/* Read a JSON object of at most limits.body bytes, into request->json. 0, or the status to refuse with. */
int request_read_json(struct request *);

/* A path below the base path, for links: request_path(request, "rooms/%s", slug). */
const char *request_path(const struct request *, const char *format, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

/* Does the request come from one of our own pages, as far as the browser says? False when it says nothing. */
bool request_same_origin(const struct request *);

#endif
