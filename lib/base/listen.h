/* Listening sockets: bound by ourselves (libuv would unlink a path that a newer process has bound already), or
 * handed over by systemd. */
#ifndef CONFAB_BASE_LISTEN_H
#define CONFAB_BASE_LISTEN_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/text.h"

struct arena;

struct listening {
    int fd;
    bool local;       /* a unix socket: only our front end can reach it */
    const char *path; /* that we bound, or NULL */
    struct stat made; /* the path's, when we bound it */
};

/* "unix:/path" (0660) or "address:port", non-blocking. A path that is there is taken over, left behind or not: a
 * process that still listens on it keeps what it has accepted, so a new one can start before the old one is stopped.
 * False: a sentence is in *error, in the arena. */
bool listen_open(const char *where, struct arena *, struct listening *out, const char **error);

/* A socket for datagrams, at "unix:/path" alone; else the same. False with errno set. */
bool listen_datagrams(const char *where, struct listening *out);

/* Does the path that we bound still lead to us? */
bool listen_reached(const struct listening *);

/* Stop listening. A path that is still ours is removed. */
void listen_close(struct listening *);

/* The next connection, not blocking, or -1 when there is none. address becomes its address, empty for a unix socket; it
 * lies in out, of at least 64 bytes. */
int listen_accept(const struct listening *, char out[64], struct text *address);

#endif
