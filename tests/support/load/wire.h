/* A connection of the load, not blocking: bytes out, bytes in, and WebSocket frames cut out of them. What is said is in
 * client.h. */
#ifndef CONFAB_TESTS_LOAD_WIRE_H
#define CONFAB_TESTS_LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct wire {
    int epoll, fd; /* fd -1: none */
    void *owner;   /* what epoll tells */
    bool deaf;     /* is not read from */
    uint32_t wanted;
    char *in, *out;
    size_t in_len, in_size, in_from, out_len, out_size, out_sent;
};

/* "127.0.0.1:80" or "unix:/path". False: refused at once. small: with a receive buffer as small as can be. */
bool wire_open(struct wire *, const char *where, bool small);
void wire_close(struct wire *);

void wire_send(struct wire *, const void *, size_t);

/* One masked frame (RFC 6455 5.3); the opcode is that of RFC 6455 5.2. */
void wire_frame(struct wire *, int opcode, struct text payload);

/* Write what waits and read what is there; false when the connection has ended (what came before can still be read). */
bool wire_turn(struct wire *, uint32_t events);

/* What came and was not taken yet. */
struct text wire_arrived(const struct wire *);
void wire_take(struct wire *, size_t);

/* The next whole frame of the server; its payload lasts until the next wire_turn. */
bool wire_next(struct wire *, int *opcode, struct text *payload);

/* Read, or not: a reader that has stalled. */
void wire_listen(struct wire *, bool);

#endif
