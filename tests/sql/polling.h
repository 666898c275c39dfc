/* A client of the long poll for tests: what it posts and gets, without a transport, on a database. */
#ifndef CONFAB_TESTS_POLLING_H
#define CONFAB_TESTS_POLLING_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "chat/scope.h"
#include "live/poll.h"

extern struct arena *arena;
extern const struct config *config;
extern struct view *view;
extern struct scope scope; /* a guest's; without a db */
extern PGconn *owner;
extern char room[64]; /* slug of this test's */
extern int64_t room_id;

/* The site is CONFAB_CONF's; url is its owner's. */
bool set_up(const char *url);

/* As the owner; the first column of the first row. */
const char *sql(const char *statement);

/* A room of its own for each test, empty. */
void new_room(void);

/* So many messages by somebody. */
void say(int64_t id, int count);

/* The cursor of a first GET. */
struct cursor begin(void);

/* Messages up; ROOM stands for the room's topic. */
enum outcome post(const struct cursor *, const char *body);

struct answer {
    const char *said; /* what came, in short */
    struct cursor next;
    int count;
    bool more;
    json_t *messages;
};

/* What a GET with this cursor is answered, through token and JSON as a client would see it. */
struct answer get(const struct cursor *);

/* "reply REF STATUS", "new SEQ", "close REF", "error REF", or another event's name. */
const char *in_short(const json_t *message);

/* How many letters lie in its mailbox. */
const char *letters(const struct cursor *);

#endif
