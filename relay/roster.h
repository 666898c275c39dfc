/* All peers, by descriptor, and when each is to be looked at: of ten thousand that are idle a tick looks at few, and
 * the others cost it four bytes each. Times are in milliseconds cut to 32 bits; none may be further away than a day.
 * And lists of some of them. Loop thread only. */
#ifndef CONFAB_RELAY_ROSTER_H
#define CONFAB_RELAY_ROSTER_H

#include <stddef.h>
#include <stdint.h>

struct peer;
struct roster;

struct roster *roster_new(void) __attribute__((warn_unused_result, returns_nonnull));
/* All peers must have left. */
void roster_free(struct roster **);

/* A peer of that descriptor, to be looked at then; and no more. */
void roster_add(struct roster *, int fd, struct peer *, uint32_t at);
void roster_remove(struct roster *, int fd);

/* Look at it then instead; or then, unless it is looked at before that. */
void roster_look(struct roster *, int fd, uint32_t at);
void roster_sooner(struct roster *, int fd, uint32_t at);

/* The first behind that descriptor (-1: of all); likewise the first that is to be looked at. Its own descriptor, or -1.
 * Peers may come and go between the calls. */
int roster_next(const struct roster *, int fd);
int roster_due(struct roster *, int fd, uint32_t now);

struct peer *roster_peer(const struct roster *, int fd);

/* A list that is used up from its end. Starts as zeros. */
struct peer_list {
    struct peer **items;
    size_t count, size;
};

void peer_list_push(struct peer_list *, struct peer *);

/* NULL: there is none. The memory of a list that was long is given back with its last. */
struct peer *peer_list_pop(struct peer_list *);

void peer_list_free(struct peer_list *);

#endif
