/* Who is here: rooms and their members, and who is to hear what. No I/O and no database: the owner says what happened,
 * the hub calls back with what to send to whom. Loop thread only.
 *
 * Why nobody misses a message or hears one twice:
 * 1. A member is registered (pending) before its join reads the database, so every broadcast from then on reaches it.
 * 2. What comes while it is pending is held. Its join reply stands for everything up to a counter R; once that is out,
 *    held broadcasts with rev > R follow and the others are dropped.
 * 3. Each member knows the last rev that it was told; a broadcast at or below that is not for it.
 * 4. A room is read on from `rev`, which moves only with what was told to all members. It starts at the R of the first
 *    join that is answered: what comes later is read by the source, whether a doorbell was heard or not.
 * 5. Joins that wait together for the first answer may be answered in another order than they read the database in. One
 *    whose R is before that start misses what lies between, for nothing of it was ever told or held. Then the room goes
 *    back to that R and is read from there once more, which by 3 nobody hears twice. What is being read from elsewhere
 *    is not told any more (`serial`), and what is held is dropped, since it comes again behind what is missing: told in
 *    front of that, it would hide it. (Whoever is registered after the start can not be before it: its join reads the
 *    database later than the start was read.) */
#ifndef CONFAB_RELAY_HUB_H
#define CONFAB_RELAY_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/text.h"
#include "relay/burst.h"
#include "relay/resting.h"

struct broadcast;
struct hub;
struct page;

struct hub_room {
    struct hub_room *next, *prev;   /* all rooms */
    struct hub_room *next_of_topic; /* of the same hash */
    struct hub_room *next_of_id;
    struct hub_member *members;
    char *topic;
    size_t topic_len;
    int64_t id;    /* 0 until the first join was answered */
    int64_t start; /* nothing up to here was told by the hub, everything behind it was or will be */
    int64_t rev;   /* everything up to here was told */
    char epoch[17];
    uint64_t serial; /* no two rooms have the same, also over time */
    bool fresh;      /* just settled, or gone back: something may have come since it was read */
    bool rung;       /* waits to be read; for the source */
    struct resting resting;
    struct burst burst;
};

enum { MEMBER_PENDING = -1 };

/* What a broadcast looks at stands first: that costs one line of the cache for each member. */
struct hub_member {
    struct hub_member *next_in_room;
    void *peer;
    int64_t rev; /* told up to here; MEMBER_PENDING: its join was not answered yet */
    struct hub_member *prev_in_room;
    struct hub_member *next_of_peer;
    struct hub_room *room;
    json_t *join_ref;  /* a string or null; owned */
    struct held *held; /* what came while it was pending, or NULL */
    struct page *page; /* who is here, for presence; or NULL */
};

_Static_assert(sizeof(struct hub_member) <= 72, "a member has grown (see peer.h)");

static inline bool member_pending(const struct hub_member *member)
{
    return member->rev == MEMBER_PENDING;
}

struct hub_events {
    /* Queue it for the peer; share it to keep it. May mark the peer as ending, but must not leave or join: that aborts.
     */
    void (*send)(void *peer, struct broadcast *);
    /* The member has held more than limit bytes: it can not be served. */
    void (*overflow)(void *peer);
    /* A member with a page leaves. NULL: nobody wants to know. */
    void (*left)(void *peer, struct hub_member *);
};

struct hub *hub_new(const struct hub_events *, size_t held_limit) __attribute__((warn_unused_result, returns_nonnull));
/* All members must have left. */
void hub_free(struct hub **);

/* Register a peer in a topic's room, pending. `list` is the head of the peer's own list of members. */
struct hub_member *hub_join(struct hub *, struct text topic, void *peer, const json_t *join_ref,
                            struct hub_member **list) __attribute__((returns_nonnull));

/* The join was accepted and its reply queued: what was held and is newer goes out. The room may be `fresh` then, and is
 * to be read. False: the room is of another database than the member's join, which must be made anew. */
bool hub_accept(struct hub *, struct hub_member *, int64_t room_id, int64_t rev, struct text epoch)
    __attribute__((warn_unused_result));

/* Forget a member, pending or not; a room without members is forgotten too. Clears the caller's pointer. */
void hub_leave(struct hub *, struct hub_member **, struct hub_member **list);

/* What the room was is not true any more (another database, or none): the next join that is answered says anew what it
 * is. Held broadcasts are dropped. Members that are not pending must leave now. */
void hub_unsettle(struct hub *, struct hub_room *);

/* The member of a peer's list on that topic, the newest if there are two (a join that replaces another). */
struct hub_member *hub_find(struct hub_member *list, struct text topic);

size_t hub_count(const struct hub_member *list);

struct hub_room *hub_room_by_id(const struct hub *, int64_t id);
struct hub_room *hub_rooms(const struct hub *); /* the first of all, or NULL */
size_t hub_room_count(const struct hub *);
struct text hub_topic(const struct hub_room *);

/* Tell all members, in order of rev, and move the room on to the last one's. `joined` is all of them in one, for those
 * who miss them all; of one alone it is the same. */
void hub_tell_all(struct hub *, struct hub_room *, struct broadcast *const *, size_t count, struct broadcast *joined);

/* Would so many bytes more be too many to hold for a member that is pending? */
bool hub_full(const struct hub *, const struct hub_room *, size_t bytes);

/* Call for all members that are not pending, with what has no place in the order of rev. As with `send`, nobody may
 * leave or join meanwhile. */
void hub_each(struct hub *, struct hub_room *, void (*call)(struct hub_member *, void *context), void *context);

#endif
