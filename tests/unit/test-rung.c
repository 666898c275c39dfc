/* relay/rung.c: which rooms wait to be read, each once, and for how long all of them are left alone. */
#include "relay/rung.h"

#include <stdio.h>

#include "relay/hub.h"
#include "../support/tap.h"

enum { MANY = 100, MS = 1000 * 1000 };

static struct hub *hub;
static uint64_t left(void *context, struct hub_room *room, uint64_t now)
{
    (void)context;
    return resting_left(&room->resting, now);
}

static struct rung rung = { .left = left };
static struct hub_member *members;
static char peer;
static int64_t taken, sum; /* rooms that were taken, and their numbers */

static void note(struct hub_room *room, void *context)
{
    ok(context == &rung && !room->rung, "a room that is taken out may ring again");
    taken++;
    sum += room->id;
}

static void send_nothing(void *to, struct broadcast *broadcast)
{
    (void)to, (void)broadcast;
}

/* A room of that number with a member. */
static struct hub_room *settled(int64_t id)
{
    char topic[32];
    snprintf(topic, sizeof topic, "room:%d", (int)id);
    struct hub_member *member = hub_join(hub, text_of(topic), &peer, NULL, &members);
    if (!hub_accept(hub, member, id, 0, TEXT("0123456789abcdef")))
        return NULL;
    return member->room;
}

static void leave(int64_t id)
{
    struct hub_room *room = hub_room_by_id(hub, id);
    struct hub_member *member = room->members;
    hub_leave(hub, &member, &members);
}

static bool take(uint64_t now, int64_t count, int64_t numbers)
{
    taken = sum = 0;
    rung_take(&rung, now, note, &rung);
    return taken == count && sum == numbers;
}

static void test_once(void)
{
    struct hub_room *one = settled(1), *two = settled(2);
    rung_add(&rung, one);
    rung_add(&rung, two);
    rung_add(&rung, one);
    ok(rung.count == 2 && one->rung && two->rung, "a room that rings twice waits once");
    ok(rung_rest(&rung, 0) == 0, "rooms that were not told lately do not rest");
    ok(take(0, 2, 3) && rung.count == 0, "all are taken out");
    ok(take(0, 0, 0), "and not again");
    rung_add(&rung, one);
    ok(take(0, 1, 1), "until they ring again");
}

static void test_rest(void)
{
    struct hub_room *one = hub_room_by_id(hub, 1), *two = hub_room_by_id(hub, 2);
    resting_begin(&one->resting, 0, 8 * MS, -1);
    resting_begin(&two->resting, 0, 20 * MS, -1);
    rung_add(&rung, one);
    rung_add(&rung, two);
    ok(rung_rest(&rung, 20 * MS) == 0, "one that does not rest is enough to go on");
    resting_begin(&one->resting, 16 * MS, 20 * MS, -1);
    ok(rung_rest(&rung, 20 * MS) == 2 * MS, "when all rest, the one that rests least tells how long");
    ok(take(20 * MS, 0, 0) && rung.count == 2, "none is taken out meanwhile");
    ok(take(22 * MS, 1, 1) && rung.count == 1 && two->rung, "then that one is, and the other waits on");
    ok(take(30 * MS, 1, 2), "for its own time");
}

static void test_forgotten(void)
{
    rung_add(&rung, hub_room_by_id(hub, 1));
    rung_add(&rung, hub_room_by_id(hub, 2));
    leave(1);
    ok(rung_room(hub, rung.rings[0]) == NULL && take(100 * MS, 1, 2), "a room that was forgotten is passed over");
    rung_add(&rung, hub_room_by_id(hub, 2));
    leave(2);
    struct hub_room *again = settled(2);
    ok(take(100 * MS, 0, 0) && !again->rung, "one that came again since did not ring");
}

static void test_all(void)
{
    for (int64_t id = 3; id < 3 + MANY; id++)
        rung_add(&rung, settled(id));
    ok(rung.count == MANY, "many may wait");
    for (int64_t id = 3; id < 3 + MANY; id++)
        hub_room_by_id(hub, id)->rung = false;
    ok(take(0, 0, 0) && rung.count == 0, "those who are read anyhow wait no more");
    rung_add(&rung, hub_room_by_id(hub, 3));
    ok(take(0, 1, 3), "and they may ring again");
}

int main(void)
{
    static const struct hub_events events = { .send = send_nothing };
    hub = hub_new(&events, 1000);
    rung.hub = hub;
    test_once();
    test_rest();
    test_forgotten();
    test_all();
    while (members) {
        struct hub_member *member = members;
        hub_leave(hub, &member, &members);
    }
    rung_free(&rung);
    hub_free(&hub);
    return done();
}
