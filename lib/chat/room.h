/* Rooms: finding one, its counter, and its doorbell. */
#ifndef CONFAB_CHAT_ROOM_H
#define CONFAB_CHAT_ROOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"
#include "chat/message.h"
#include "chat/presence.h"
#include "db/db.h"

struct scope;

struct room {
    int64_t id;
    struct text slug, name;
    int64_t rev;       /* its counter when it was read */
    struct text epoch; /* of the database (DESIGN 3.4) */
};

/* A counter that was read. */
struct room_mark {
    int64_t id, rev;
};

/* The room of that slug. MISSING: there is none for this asker. Read it before its messages: then rev is never ahead of
 * them. */
enum outcome room_find(const struct scope *, struct text slug, struct room *out) __attribute__((warn_unused_result));

/* The same with its last `most` messages, oldest first, read at one moment. */
enum outcome room_latest(const struct scope *, struct text slug, int most, struct room *, struct messages *)
    __attribute__((warn_unused_result));

/* How a room's latest messages stood when they were read: where all of this is the same they are the same, down to what
 * is shown of their authors. The slug stands in their links. */
struct room_stand {
    struct text slug, epoch;
    int64_t id, rev;
    int64_t shown;    /* shown_counter: changes of what is shown that do not move rev */
    struct text here; /* who was here (presence_here), or empty */
    bool steady;      /* they stood like this when they were last asked about */
};

/* What a room's page shows. */
struct room_page {
    struct room room;
    struct room_stand stand;
    bool unchanged;           /* they stand as they were known to: no messages are here */
    bool people_unchanged;    /* nor anybody, since they are those who were here */
    struct messages messages; /* the last `most`, oldest first */
    struct presence_list people;
};

/* The same with who is here, in one trip to the database. known: how they stood for who has them still, with the same
 * `most`; then they are read only if they stand otherwise, which is seen at the same moment. (If they were steady they
 * are not even asked for; and neither are the people; should any have changed just now, that is another trip.) Or NULL.
 */
enum outcome room_page(const struct scope *, struct text slug, int most, const struct room_stand *known,
                       struct room_page *) __attribute__((warn_unused_result));

/* Foretell what room_page will ask for (db_foretell), for a scope whose user_id may be a guess: if it turns out to be
 * another's page, its answers are for nobody. */
void room_foretell(const struct scope *, struct text slug, int most, const struct room_stand *known);

/* The counters of rooms, in no order; rooms that are gone are left out. *out lives in the arena. */
enum outcome room_moved(const struct scope *, const int64_t *ids, size_t count, struct room_mark **out,
                        size_t *out_count) __attribute__((warn_unused_result));

/* Run a statement that changes what is in the room, and ring the room's doorbell after the commit, never inside it
 * (DESIGN 3.3): the scope's bell, once the commit is confirmed; where there is none, that of the database, which tells
 * every relay, in the same trip. A bell that is rung for nothing is no harm, nor one that cannot be rung: relays look
 * for themselves once a second. */
struct rows room_change(const struct scope *, int64_t id, const struct query *, const struct params *)
    __attribute__((warn_unused_result));

/* Ring the doorbells of all these rooms in the database, which tells every relay and every poll; no two of them are the
 * same. Without a room: tell them to look at all of theirs. DONE or BROKEN. */
enum outcome room_ring(const struct scope *, const int64_t *ids, size_t count) __attribute__((warn_unused_result));

#endif
