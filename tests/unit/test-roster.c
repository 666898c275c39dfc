/* relay/roster.c: every peer is found, each is looked at when it is due, and lists are used up. */
#include "relay/roster.h"

#include <stdlib.h>

#include "../support/tap.h"

enum { MANY = 3000 };

static struct roster *roster;
static char places[MANY];

/* Peers are told apart by where they are. */
static struct peer *peer(int number)
{
    return (struct peer *)&places[number];
}

static int all(void)
{
    int count = 0;
    for (int fd = -1; (fd = roster_next(roster, fd)) >= 0;)
        count += roster_peer(roster, fd) == peer(fd);
    return count;
}

static int due(uint32_t now)
{
    int count = 0;
    for (int fd = -1; (fd = roster_due(roster, fd, now)) >= 0;)
        count += roster_peer(roster, fd) == peer(fd);
    return count;
}

static void test_times(uint32_t now)
{
    for (int fd = 0; fd < MANY; fd++)
        roster_add(roster, fd, peer(fd), now + 1000 + (uint32_t)fd % 2);
    ok(all() == MANY, "all are found");
    ok(due(now) == 0 && due(now + 999) == 0, "nobody is due before the time");
    ok(due(now + 1000) == MANY / 2, "half of them at the first time");
    ok(due(now + 1001) == MANY && due(now + 5000) == MANY, "all at the second, and until they were looked at");
    for (int fd = -1; (fd = roster_due(roster, fd, now + 1000)) >= 0;)
        roster_look(roster, fd, now + 9000);
    ok(due(now + 1001) == MANY / 2 && due(now + 9000) == MANY, "who was looked at waits again");
    for (int fd = 0; fd < MANY; fd++)
        roster_sooner(roster, fd, now + 8000);
    ok(due(now + 7999) == MANY / 2 && due(now + 8000) == MANY, "sooner, if it is made so, but never later");
    for (int fd = 0; fd < MANY; fd += 3)
        roster_remove(roster, fd);
    ok(all() == MANY - MANY / 3 && due(now + 9000) == MANY - MANY / 3, "who left is not looked at");
    roster_add(roster, 3, peer(3), now + 20000);
    ok(due(now + 19999) + 1 == due(now + 20000), "a place that was left is taken again");
    for (int fd = -1; (fd = roster_next(roster, fd)) >= 0;)
        roster_remove(roster, fd);
    ok(all() == 0 && due(now + 9000) == 0, "until nobody is there");
}

static void test_lists(void)
{
    struct peer_list list = { .count = 0 };
    int same = 0;
    ok(peer_list_pop(&list) == NULL, "an empty list has nothing");
    for (int i = 0; i < MANY; i++)
        peer_list_push(&list, peer(i));
    for (int i = MANY; i-- > 0;)
        same += peer_list_pop(&list) == peer(i);
    ok(same == MANY, "a list is used up from its end");
    ok(peer_list_pop(&list) == NULL && !list.items, "and its memory is given back");
    peer_list_push(&list, peer(1));
    ok(peer_list_pop(&list) == peer(1) && list.items, "but for that of a short one");
    peer_list_free(&list);
}

int main(void)
{
    roster = roster_new();
    ok(roster_peer(roster, 0) == NULL && roster_peer(roster, -1) == NULL && roster_next(roster, -1) == -1,
       "nobody yet");
    test_times(1000);
    test_times(UINT32_MAX - 4000); /* the clock begins anew in between */
    test_lists();
    roster_free(&roster);
    ok(roster == NULL, "nothing is left");
    return done();
}
