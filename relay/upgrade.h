/* What a request to the relay wants, and whether its head allows it: paths, methods, the WebSocket handshake (RFC
 * 6455 4.2), origin and credentials. Pure; whether the credentials hold is judged on a worker (welcome.h). */
#ifndef CONFAB_RELAY_UPGRADE_H
#define CONFAB_RELAY_UPGRADE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/text.h"

struct arena;
struct config;
struct head;

struct upgrade {
    enum { UPGRADE_REFUSED, UPGRADE_HEALTH, UPGRADE_WEBSOCKET } kind;
    int status;         /* when refused */
    const char *reason; /* when refused: for the log */
    const char *allow;  /* with 405 */
    bool no_body;       /* HEAD */
    bool phoenix;       /* the subprotocol was offered and is to be answered */
    char accept[29];    /* Sec-WebSocket-Accept */
    struct text cookie; /* "name=value" of our own, or empty */
    struct text bearer; /* or empty */
    struct text csrf;   /* what came as _csrf_token; may be empty */
    struct text address;
};

/* Judge a parsed head. `peer` is the address of the connection, empty for a unix socket: then X-Forwarded-For is
 * believed, for only the front end can reach that. Everything in the answer lives in the arena or in the head. */
void upgrade_judge(const struct config *, struct arena *, const struct head *, struct text peer, struct upgrade *out);

/* Append the whole answer to a handshake that was accepted. */
void upgrade_accept(const struct upgrade *, struct buffer *out);

/* Append a short answer after which the connection is closed. type is its Content-Type; allow may be NULL. */
void upgrade_answer(struct buffer *out, int status, const char *type, struct text body, const char *allow,
                    bool no_body);

/* The answer of a refusal: a word in text/plain. */
void upgrade_refuse(struct buffer *out, int status, const char *allow, bool no_body);

#endif
