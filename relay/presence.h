/* The pages that are open here, as the database is told of them (chat/presence.h): what came and went in a tick goes
 * there in one statement. The relay is one owner with one lease. Who is here at all is read back in crowd.h, for there
 * may be other relays. Loop thread only.
 *
 * 1. A page is put in when its join was accepted, and taken out when its member leaves, however that happens. What came
 *    and went within a tick was never there.
 * 2. One write is out at a time, in this order: lease, changes, sweep. A change is a fact about one page ("is here",
 * "is gone") and may be told twice; one whose telling failed is told again.
 * 3. A lease that comes back fresh means that the database has forgotten us: it lapsed and was swept, the tables were
 *    emptied by a crash, or it is another database. Then every page is put in again. */
#ifndef CONFAB_RELAY_PRESENCE_H
#define CONFAB_RELAY_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct channel_answer;
struct crowd;
struct crowds;
struct hub_member;
struct presence;
struct relay;

enum { PRESENCE_REF_SIZE = 40 };

/* One page. It outlives its member until the database knows that it is gone. There is one for each idle connection: it
 * is kept small. */
struct page {
    struct hub_member *member; /* NULL: it is gone */
    union {
        struct crowd *crowd; /* of its room, while it is here; */
        int64_t room_id;     /* that room, when it is gone */
    };
    union {
        char *name;      /* of a guest, or NULL; */
        int64_t user_id; /* of a member */
    };
    uint64_t serial : 56;
    uint8_t known : 2;     /* what the database has of it */
    bool guest : 1;        /* which of the two it has */
    bool due : 1, out : 1; /* waits to be told of; is being told of */
    bool changed : 1;      /* since that began */
    uint32_t told;         /* which of its room's lists it knows; 0: none */
    uint32_t typed_at;     /* relay_now, cut to 32 bits, of the last typing that was passed on */
};

_Static_assert(sizeof(struct page) <= 40, "a page has grown (see peer.h)");

struct presence *presence_new(struct relay *) __attribute__((warn_unused_result, returns_nonnull));
/* All members must have left, and no jobs may be out. The loop must run once more. */
void presence_free(struct presence **);

/* The rooms' lists. */
struct crowds *presence_crowds(struct presence *);

/* A join was accepted and its reply is queued: the page is here. It is sent the list. */
void presence_came(struct presence *, struct hub_member *, const struct channel_answer *);

/* The member joins anew: its page stays the same one. */
void presence_hand_over(struct hub_member *from, struct hub_member *to);

/* The member leaves. */
void presence_went(struct presence *, struct hub_member *);

/* The name of a page in the database; out has PRESENCE_REF_SIZE bytes. */
void presence_ref(const struct presence *, const struct page *, char *out);

/* Is it a page of ours? Its serial, or 0. */
uint64_t presence_serial(const struct presence *, const char *ref);

/* The bell: rooms, or nothing for all. */
void presence_rang(struct presence *, struct text rooms);

/* The database can be heard (again): what was rung in between was missed. */
void presence_renewed(struct presence *);

/* Once a second. */
void presence_tick(struct presence *);

/* Something waits: look at it within the next tenth of a second. */
void presence_soon(struct presence *);

/* The relay ends and has no members any more: take the pages out. False: that is still under way. */
bool presence_ended(struct presence *);

#endif
