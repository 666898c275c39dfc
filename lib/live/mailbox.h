/* The mailbox of a long poll: what its POSTs are answered with, until a GET takes it (WIRE-PROTOCOL 7). A POST cannot
 * give a new token, so what it changes in the list of topics lies there too, as a fact, and is folded into the next
 * one.
 *
 * Whoever writes takes the mailbox's lock and then the next numbers, so letters become visible in order; whoever reads
 * goes on behind the position of its cursor, and takes away only what a later cursor shows to have arrived. */
#ifndef CONFAB_LIVE_MAILBOX_H
#define CONFAB_LIVE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"
#include "live/cursor.h"

struct arena;
struct db;
struct scope;

enum {
    /* A mailbox that nobody empties takes no more than so much; one answer takes more than so many bytes only by the
     * last letter. */
    MAILBOX_LETTERS_MAX = 1000,
    MAILBOX_BYTES_MAX = 16 * 1024 * 1024,
    MAILBOX_READ_MOST = 100,
    MAILBOX_READ_BYTES = 1024 * 1024,
    /* Most bytes of one letter. Written into an array, and read into JSON, it can become twice that. */
    MAILBOX_LETTER_MAX = 24 * 1024 * 1024,
    /* What is older, no token can ask for: in seconds. */
    MAILBOX_SECONDS = 2 * CURSOR_SECONDS,
};

/* One answer. */
struct letter {
    int64_t seq;        /* of one that was read */
    struct text ref;    /* what it answers; empty: a message without ref */
    struct text frames; /* messages of the protocol, a line each; left out by mailbox_facts */
    size_t bytes;       /* of the frames, of one that was read */
    /* JOINED: the topic is joined, room_id and rev say how, or was refused (room_id 0); either way what was joined
     * there before has ended. LEFT: the join of that join_ref has ended, or whichever there is without one. */
    enum letter_fact { LETTER_PLAIN, LETTER_JOINED, LETTER_LEFT } fact;
    struct cursor_topic topic;
};

struct letters {
    struct letter *items;
    size_t count;
};

/* Put letters in, in order; those whose ref was answered before are left out. DONE: committed. BROKEN: may be tried
 * again. */
enum outcome mailbox_put(const struct scope *, const char *sid, const struct letter *, size_t count)
    __attribute__((warn_unused_result));

/* Which refs were answered before. *out has one for each. */
enum outcome mailbox_answered(const struct scope *, const char *sid, const struct text *refs, size_t count, bool *out)
    __attribute__((warn_unused_result));

/* What lies behind a position, in order: at most MAILBOX_READ_MOST letters, and no more after MAILBOX_READ_BYTES. */
enum outcome mailbox_after(const struct scope *, const char *sid, int64_t position, struct letters *out)
    __attribute__((warn_unused_result));

/* All of it without the frames. LIMITED: there is so much that nothing more may be put in. */
enum outcome mailbox_facts(const struct scope *, const char *sid, int64_t position, struct letters *out)
    __attribute__((warn_unused_result));

/* Take away what lies up to a position: a token that had it came back. */
enum outcome mailbox_forget(const struct scope *, const char *sid, int64_t position)
    __attribute__((warn_unused_result));

/* Ring the doorbell, after the commit: whoever holds a poll of this mailbox reads it. One that cannot be rung is no
 * loss: the letter is read when the window ends. */
void mailbox_ring(const struct scope *, const char *sid);

/* Take away what nobody can ask for any more, of all mailboxes. */
enum outcome mailbox_sweep(struct db *, struct arena *) __attribute__((warn_unused_result));

/* What a letter changed in the list of topics, and what the client is to be told about it behind the letter. */
struct folded {
    bool closed;            /* a join ended: phx_close with this join_ref */
    struct text closed_ref; /* .at is NULL for null */
    bool refused;           /* the join does not fit into the cursor: phx_error with the letter's join_ref */
};

/* Fold a letter's fact into a cursor, whose position moves on. */
struct folded mailbox_fold(struct arena *, struct cursor *, const struct letter *);

#endif
