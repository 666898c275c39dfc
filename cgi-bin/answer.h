/* An answer in the making: status, headers, body. Every answer gets the security headers (SECURITY V3). */
#ifndef CONFAB_CGI_ANSWER_H
#define CONFAB_CGI_ANSWER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/text.h"

struct arena;
struct config;
struct gateway;

enum { ANSWER_MAX = 4 * 1024 * 1024, ANSWER_HEADERS_MAX = 16 * 1024 };

struct answer {
    int status;
    bool framed;           /* pages of ours may show it in a frame */
    struct buffer headers; /* lines, each ended by CRLF */
    struct buffer body;
};

struct answer answer_new(void);
void answer_free(struct answer *);

/* Begin again, as if nothing had been said. */
void answer_reset(struct answer *);

/* Add a header. A CR, LF or NUL in the value is our own mistake. */
void answer_header(struct answer *, const char *name, struct text value);

/* To a path of ours: 302 from a page, 303 from a form. It replaces what was in the answer but its headers. */
void answer_redirect(struct answer *, int status, struct text location);

/* The reason phrase of a status. */
const char *answer_reason(int status);

/* Send it, without the body for HEAD. False: the client is gone. */
bool answer_send(struct answer *, struct arena *, const struct config *, struct gateway *, bool head);

#endif
