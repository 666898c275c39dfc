/* What the handlers of the API share: answers in JSON, and fields of a body in JSON. */
#ifndef CONFAB_CGI_API_H
#define CONFAB_CGI_API_H

#include <jansson.h>

#include "base/text.h"

struct errors;
struct request;

/* Answer with JSON; the reference is taken. */
void api_answer(struct request *, int status, json_t *);

/* 204: it is done, and there is nothing to say. */
void api_done(struct request *);

/* 429 with Retry-After of the errors. */
void api_limited(struct request *, const struct errors *);

/* A text of the body; empty when it is not there. One that is no text adds an error to its field. */
struct text api_text(const struct request *, const char *field, struct errors *);

#endif
