/* The long poll without its transport (WIRE-PROTOCOL 6 and 7): what a POST does, what a GET is answered with. The same
 * for the relay and for the handler that stands in for it. No sockets; statuses of the protocol are the caller's.
 *
 * Who asks has been judged by the caller: the scope is that of the session or guest to whom the cursor belongs.
 *
 * Why nothing is lost and nothing comes twice:
 * 1. A GET decides alone what is joined: it folds the mailbox's letters, in order, into the topics of its cursor, and
 *    then reads each room on from the rev that the cursor has. A join's letter carries its reply and the rev up to
 *    which that told everything. Letters go before rooms: what follows a join stands behind its reply.
 * 2. What an answer told stands in its token, and only there. The same token again gives the same answer, and what came
 *    since; letters go away when a token comes back that has them.
 * 3. A POST does what it says first and answers for it then, all at once: one that died in between, or that a front end
 *    sends again, is done again from where it was. What was answered is not done again, and what is done twice all the
 *    same comes to the same: a post without a client_id gets one made of the mailbox and the ref.
 * 4. A doorbell is only a reason to look. A holder registers for the bells of its mailbox and rooms first, and drains
 *    after that. */
#ifndef CONFAB_LIVE_POLL_H
#define CONFAB_LIVE_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/errors.h"
#include "base/text.h"
#include "live/cursor.h"

struct arena;
struct scope;
struct view;

/* An answer of a GET in the making. */
struct poll {
    struct arena *arena;
    struct cursor cursor;   /* moves on with what is added; sign it for the answer */
    struct buffer messages; /* strings of JSON, commas between */
    size_t count;           /* of messages: when it is not 0, answer */
    bool more;              /* some are left for the next answer */
    bool begun;
};

/* The first GET: a cursor without topics for today's database. Give it its owner. BROKEN: the database is away. */
enum outcome poll_open(const struct scope *, struct cursor *out) __attribute__((warn_unused_result));

/* Begin to answer a GET that came with this cursor. All lives in the arena; the cursor's texts must live as long. */
struct poll *poll_new(struct arena *, const struct cursor *) __attribute__((warn_unused_result, returns_nonnull));

/* Add all that there is: letters, then what is new in the rooms; a bounded part of it. The first time, what the cursor
 * shows to have arrived is taken out of the mailbox. Topics that another database knew end with phx_error, rooms that
 * are gone with phx_close. May be called again after a bell, with another scope of the same asker. BROKEN: the database
 * could not be asked; the poll is as it was. */
enum outcome poll_drain(const struct scope *, const struct view *, struct poll *) __attribute__((warn_unused_result));

/* Add one message of the protocol. For a holder that has the message of a room already: if its rev is higher than the
 * topic's (cursor_find_room), add it and move that on; in order, and not before the first drain. False: the answer is
 * full, nothing was added. */
bool poll_add(struct poll *, struct text frame) __attribute__((warn_unused_result));

/* Add an event to every joined topic, with its join_ref: session_ended. payload is borrowed. */
void poll_tell(struct poll *, const char *event, const json_t *payload);

/* Append {"status":...,"token":...,"messages":[...]}. An empty token: {"status":...} alone. poll may be NULL: without
 * messages. */
void poll_answer(struct buffer *out, int status, struct text token, const struct poll *);

/* Most bytes that an answer can have, and that a POST is taken with: it may bring a hundred messages. */
enum { POLL_ANSWER_MAX = 80 * 1024 * 1024, POLL_BODY_MAX = 1024 * 1024 };

/* Do what a POST says, message by message, put the replies into the mailbox, and ring its bell. The cursor, which may
 * be older than the newest, is only read. DONE: accepted, whatever the replies say. INVALID: not a body of the
 * protocol, nothing was done. LIMITED: too much lies in the mailbox already, nothing was done. BROKEN: the database is
 * away; the same may be sent again. */
enum outcome poll_post(const struct scope *, const struct view *, const struct cursor *, struct text body)
    __attribute__((warn_unused_result));

#endif
