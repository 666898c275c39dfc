/* What a request to the relay wants, and whether its head allows it: paths, methods, the WebSocket handshake (RFC
 * 6455 4.2), origin and credentials. Pure; whether the credentials hold is judged on a worker (welcome.h). What is no
 * WebSocket is judged in asked.h. */
#ifndef CONFAB_RELAY_UPGRADE_H
#define CONFAB_RELAY_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"
#include "live/poll_asker.h"

struct arena;
struct config;
struct head;

struct upgrade {
    enum {
        UPGRADE_REFUSED,
        UPGRADE_HEALTH,
        UPGRADE_WEBSOCKET,
        UPGRADE_POLL,   /* a long poll's GET */
        UPGRADE_POST,   /* a long poll's POST: a body follows */
        UPGRADE_ASKED,  /* its OPTIONS */
        UPGRADE_STREAM, /* a room's live page for browsers without JavaScript */
    } kind;
    int status;         /* when refused */
    bool in_json;       /* when refused: in the words of the long poll, whose HTTP status is 200 */
    const char *reason; /* when refused: for the log */
    const char *allow;  /* with 405 */
    bool no_body;       /* HEAD */
    bool phoenix;       /* the subprotocol was offered and is to be answered */
    char accept[29];    /* Sec-WebSocket-Accept */
    struct text cookie; /* "name=value" of our own, or empty */
    struct text bearer; /* or empty */
    struct text csrf;   /* what came as _csrf_token; may be empty */
    struct text address;

    struct {
        struct poll_came came;
        bool from_ours;     /* an Origin came, and it is ours */
        size_t body;        /* bytes that follow the head of a POST */
        struct text wanted; /* header fields that an OPTIONS asks for */
    } poll;
    struct text slug; /* of a stream's room */
    int64_t after;    /* rev; -1 when it was not given */
    bool begin;       /* the frame is to be filled first, and then to go on by itself */
};

/* The path without the base path, or the empty text if it is outside of that. */
struct text upgrade_path(const struct config *, struct text path);

/* Say that it is refused. False. */
bool upgrade_no(struct upgrade *, int status, const char *reason);

/* Take our own cookie out of what came. */
void upgrade_read_cookie(const struct config *, struct arena *, const struct head *, struct upgrade *out);

/* Judge a parsed head. `peer` is the address of the connection, empty for a unix socket: then X-Forwarded-For is
 * believed, for only the front end can reach that. Everything in the answer lives in the arena or in the head. */
void upgrade_judge(const struct config *, struct arena *, const struct head *, struct text peer, struct upgrade *out);

/* Append the whole answer to a handshake that was accepted. */
void upgrade_accept(const struct upgrade *, struct buffer *out);

/* Append a short answer after which the connection is closed. type is its Content-Type; allow may be NULL. */
void upgrade_answer(struct buffer *out, int status, const char *type, struct text body, const char *allow,
                    bool no_body);

/* Append the answer of a long poll, whose body is JSON. origin: ours, if that is what asked, or empty. */
void upgrade_json(struct buffer *out, struct text origin, struct text json);

/* Append the answer to an OPTIONS. */
void upgrade_options(const struct upgrade *, struct text origin, struct buffer *out);

/* The answer of a refusal: a word in text/plain. */
void upgrade_refuse(struct buffer *out, int status, const char *allow, bool no_body);

#endif
