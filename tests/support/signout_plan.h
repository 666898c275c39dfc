/* What a run of sign-outs is to do, and the sessions that it has. */
#ifndef CONFAB_TESTS_SIGNOUT_PLAN_H
#define CONFAB_TESTS_SIGNOUT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/load/wire.h"

enum { PLAN_LINE = 4096 }; /* bytes of a session's line at most */

struct session {
    char id[24], *csrf, *cookie;
    enum { IDLE, SHAKING, JOINING, READY, CLOSED } state;
    struct wire wire, again; /* its socket, and the replay of its cookie */
    struct session *next_out;
    int64_t wake, leave; /* milliseconds */
    int64_t out;         /* number of the answer to its sign-out; 0: it has not signed out */
    bool asked, replayed, over;
};

struct plan {
    char *where[4], *origin;
    const char *conninfo;
    int wheres;
    long open, rate; /* so many sessions at a time, so many pushes a second */
    size_t least;    /* so many sessions, and more until as much was seen as: */
    long accepted, late, heard;
    bool race;
    struct session *sessions;
    size_t session_count;
};

/* The program's arguments (signout.c has them) and the file that they name. Ends the program where they are wrong. */
void plan_read(struct plan *, int argc, char **argv);

#endif
