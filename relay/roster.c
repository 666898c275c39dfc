#include "relay/roster.h"

#include <stdlib.h>

#include "base/must.h"

enum { FIRST_SIZE = 64, LIST_KEPT = 512, NEVER_SOON = 1 << 30 };

/* Two rows, so that whoever looks for what is due reads only times. */
struct roster {
    int size;
    struct peer **peers;
    uint32_t *at; /* where there is no peer it may be any time */
};

struct roster *roster_new(void)
{
    struct roster *roster = calloc(1, sizeof *roster);
    must(roster != NULL);
    return roster;
}

void roster_free(struct roster **gone)
{
    struct roster *roster = *gone;
    if (!roster)
        return;
    must(roster_next(roster, -1) < 0);
    free(roster->peers);
    free(roster->at);
    free(roster);
    *gone = NULL;
}

static void grow(struct roster *roster, int fd)
{
    int size = roster->size ? roster->size : FIRST_SIZE;
    while (size <= fd)
        must(!__builtin_mul_overflow(size, 2, &size));
    roster->peers = reallocarray(roster->peers, (size_t)size, sizeof(struct peer *));
    roster->at = reallocarray(roster->at, (size_t)size, sizeof *roster->at);
    must(roster->peers != NULL && roster->at != NULL);
    for (int i = roster->size; i < size; i++) {
        roster->peers[i] = NULL;
        roster->at[i] = 0;
    }
    roster->size = size;
}

void roster_add(struct roster *roster, int fd, struct peer *peer, uint32_t at)
{
    must(fd >= 0);
    if (fd >= roster->size)
        grow(roster, fd);
    must(!roster->peers[fd]);
    roster->peers[fd] = peer;
    roster->at[fd] = at;
}

void roster_remove(struct roster *roster, int fd)
{
    must(roster_peer(roster, fd) != NULL);
    roster->peers[fd] = NULL;
}

void roster_look(struct roster *roster, int fd, uint32_t at)
{
    must(roster_peer(roster, fd) != NULL);
    roster->at[fd] = at;
}

void roster_sooner(struct roster *roster, int fd, uint32_t at)
{
    must(roster_peer(roster, fd) != NULL);
    if ((int32_t)(at - roster->at[fd]) < 0)
        roster->at[fd] = at;
}

struct peer *roster_peer(const struct roster *roster, int fd)
{
    return fd >= 0 && fd < roster->size ? roster->peers[fd] : NULL;
}

int roster_next(const struct roster *roster, int fd)
{
    while (++fd < roster->size)
        if (roster->peers[fd])
            return fd;
    return -1;
}

/* A place that was left is found once, and then passed for days. */
int roster_due(struct roster *roster, int fd, uint32_t now)
{
    while (++fd < roster->size) {
        if ((int32_t)(now - roster->at[fd]) < 0)
            continue;
        if (roster->peers[fd])
            return fd;
        roster->at[fd] = now + NEVER_SOON;
    }
    return -1;
}

/* --- lists --- */

void peer_list_push(struct peer_list *list, struct peer *peer)
{
    if (list->count == list->size) {
        list->size = list->size ? list->size * 2 : FIRST_SIZE;
        list->items = reallocarray(list->items, list->size, sizeof(struct peer *));
        must(list->items != NULL);
    }
    list->items[list->count++] = peer;
}

struct peer *peer_list_pop(struct peer_list *list)
{
    struct peer *peer = list->count ? list->items[--list->count] : NULL;
    if (!list->count && list->size > LIST_KEPT)
        peer_list_free(list);
    return peer;
}

void peer_list_free(struct peer_list *list)
{
    free(list->items);
    *list = (struct peer_list){ .count = 0 };
}
