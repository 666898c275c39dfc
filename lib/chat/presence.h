/* Who is here: the live pages in each room, kept in Postgres so that the list is right across relays, transports and
 * crashes. Whoever holds pages is an owner with a lease; a relay owns its pages, a long poll owns itself, so that it
 * can move between relay and handler. */
#ifndef CONFAB_CHAT_PRESENCE_H
#define CONFAB_CHAT_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"

struct rows;
struct scope;

enum {
    PRESENCE_RELAY_SECONDS = 15, /* a relay's lease; renewed every PRESENCE_RENEW_SECONDS */
    PRESENCE_RENEW_SECONDS = 5,
    PRESENCE_POLL_SECONDS = 22, /* a poll's: its window, and time to come again */
    PRESENCE_KEYS_MOST = 200,   /* above it only the first PRESENCE_KEYS_FEW are named */
    PRESENCE_KEYS_FEW = 50,
    PRESENCE_PAGES_FEW = 64, /* where there are no more, to ask for them is less than to ask for a list */
};

/* A live page. */
struct presence_page {
    int64_t room_id;
    struct text ref;  /* its name, made by its owner: 1 to 60 of A-Z a-z 0-9 _ - */
    int64_t user_id;  /* 0: a guest */
    struct text name; /* a guest's, or empty */
};

/* Make or renew the lease. *fresh: there was none, so that the owner's pages are not here (any more). */
enum outcome presence_lease(const struct scope *, struct text owner, int seconds, bool *fresh)
    __attribute__((warn_unused_result));

/* Pages came (one that is here already is brought up to date) and went (others than the owner's stay); no page may be
 * in both. MISSING: the owner has no lease; nothing changed. Whoever listens is rung for. */
enum outcome presence_change(const struct scope *, struct text owner, const struct presence_page *came,
                             size_t came_count, const struct presence_page *went, size_t went_count)
    __attribute__((warn_unused_result));

/* The owner ends, and its pages with it. */
enum outcome presence_leave(const struct scope *, struct text owner) __attribute__((warn_unused_result));

/* End the owners whose lease ran out: for anybody to do now and then. */
enum outcome presence_sweep(const struct scope *) __attribute__((warn_unused_result));

/* A long poll, which is in these rooms and no others: its lease is renewed, and its pages are brought up to date. sid:
 * the poll's. */
enum outcome presence_poll(const struct scope *, struct text sid, const int64_t *rooms, size_t count)
    __attribute__((warn_unused_result));

/* The name that a guest gave, in its normal form; empty where it is none. For a member, nothing. */
struct text presence_name(const struct scope *, struct text typed);

/* Tell the others in the room that the asker, whose page that is, is typing. Nothing is stored. Who is not here (any
 * more) is passed over. */
enum outcome presence_typing(const struct scope *, int64_t room_id, struct text ref)
    __attribute__((warn_unused_result));

/* One page in a list. key: "user:<id>" or "guest:<ref>": no text that a person chose. */
struct presence_entry {
    struct text ref, key;
    int64_t user_id; /* 0: a guest */
    struct text userid, name, picture;
    int64_t online_at; /* milliseconds since 1970 */
};

/* Entries of one key stand together, members before guests, by name. */
struct presence_list {
    int64_t people, guests; /* signed-in persons; pages of guests */
    bool cut;               /* more keys than are named */
    int64_t pages;          /* of all of them; only where presence_people made it */
    struct presence_entry *entries;
    size_t count;
};

/* Who is in a room that the asker may see. */
enum outcome presence_read(const struct scope *, int64_t room_id, struct presence_list *out)
    __attribute__((warn_unused_result));

/* The same for a page that is read once, from the rows of presence_people for that room: people alone, each once, the
 * first by name, with user_id, userid, name and picture. */
struct presence_list presence_people(const struct scope *, struct text slug, const struct rows *);

/* Who is here, as bytes that are the same where the same people are, and as many guests' pages; empty where there are
 * more than few pages. Of a list by presence_people, or of the rows of presence_pages. */
struct text presence_here(const struct scope *, const struct presence_list *);
struct text presence_here_rows(const struct scope *, const struct rows *);

#endif
