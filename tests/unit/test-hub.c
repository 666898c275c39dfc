/* relay/hub.c: who hears what, in which order, and never twice. Peers are short texts that note what they are sent. */
#include "relay/hub.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/broadcast.h"
#include "../support/tap.h"

struct listener {
    char heard[200];
    int overflows;
    struct hub_member *members;
};

static void note(void *peer, struct broadcast *broadcast)
{
    struct listener *listener = peer;
    size_t len = strlen(listener->heard);
    snprintf(listener->heard + len, sizeof listener->heard - len, "%s%lld ", broadcast->joined ? "..." : "",
             (long long)broadcast->rev);
}

static void note_overflow(void *peer)
{
    ((struct listener *)peer)->overflows++;
}

static const struct hub_events events = { .send = note, .overflow = note_overflow };
static struct hub *hub;

static struct hub_member *join(struct listener *listener, const char *topic)
{
    return hub_join(hub, text_of(topic), listener, NULL, &listener->members);
}

static bool accept_at(struct hub_member *member, int64_t id, int64_t rev, const char *epoch)
{
    return hub_accept(hub, member, id, rev, text_of(epoch));
}

static void tell(int64_t id, int64_t rev)
{
    struct broadcast *broadcast = broadcast_frame(OPCODE_TEXT, TEXT("ten bytes!"), rev);
    hub_tell_all(hub, hub_room_by_id(hub, id), &broadcast, 1, broadcast);
    broadcast_release(&broadcast);
}

/* Several at once, as a read brings them. */
static void tell_all(int64_t id, int64_t from, int64_t to)
{
    struct broadcast *parts[8] = { NULL };
    size_t count = 0;
    for (int64_t rev = from; rev <= to; rev++)
        parts[count++] = broadcast_frame(OPCODE_TEXT, TEXT("ten bytes!"), rev);
    struct broadcast *joined = broadcast_join(parts, count);
    hub_tell_all(hub, hub_room_by_id(hub, id), parts, count, joined);
    broadcast_release(&joined);
    while (count)
        broadcast_release(&parts[--count]);
}

static void leave_all(struct listener *listener)
{
    while (listener->members) {
        struct hub_member *member = listener->members;
        hub_leave(hub, &member, &listener->members);
    }
    listener->heard[0] = '\0';
}

static void test_first(void)
{
    struct listener bob = { .overflows = 0 };
    struct hub_member *member = join(&bob, "room:a");
    ok(hub_room_count(hub) == 1 && !hub_room_by_id(hub, 7), "a room without an answered join has no id yet");
    ok(accept_at(member, 7, 10, "e"), "the first join that is answered settles it");
    ok(hub_room_by_id(hub, 7)->rev == 10 && hub_room_by_id(hub, 7)->fresh, "it is read on from there");
    tell(7, 9);
    tell(7, 10);
    tell(7, 11);
    is(bob.heard, "11 ", "what the reply stood for is not told again");
    ok(hub_room_by_id(hub, 7)->rev == 11, "the room moved on");
    leave_all(&bob);
    ok(hub_room_count(hub) == 0 && !hub_room_by_id(hub, 7), "with its last member a room is forgotten");
}

static void test_pending(void)
{
    struct listener bob = { .overflows = 0 }, eve = { .overflows = 0 };
    ok(accept_at(join(&bob, "room:a"), 7, 10, "e"), "bob is in");
    struct hub_member *pending = join(&eve, "room:a");
    for (int64_t rev = 11; rev <= 14; rev++)
        tell(7, rev);
    is(eve.heard, "", "a pending member hears nothing");
    ok(accept_at(pending, 7, 12, "e"), "until its join is answered");
    is(eve.heard, "13 14 ", "then it hears what its reply did not hold");
    tell(7, 15);
    is(eve.heard, "13 14 15 ", "and goes on");
    is(bob.heard, "11 12 13 14 15 ", "bob heard all");
    leave_all(&eve);
    pending = join(&eve, "room:a");
    ok(accept_at(pending, 7, 20, "e"), "a join can be ahead of what was told");
    tell(7, 16);
    tell(7, 20);
    tell(7, 21);
    is(eve.heard, "21 ", "then it waits for the others");
    leave_all(&eve);
    leave_all(&bob);
}

/* Workers read in one order and their answers come back in another. */
static void test_overtaken(void)
{
    struct listener bob = { .overflows = 0 }, eve = { .overflows = 0 }, tom = { .overflows = 0 };
    struct hub_member *first = join(&bob, "room:a"), *second = join(&eve, "room:a"), *third = join(&tom, "room:a");
    ok(accept_at(first, 7, 14, "e"), "of three that came together bob, who was read last, is answered first");
    struct hub_room *room = hub_room_by_id(hub, 7);
    uint64_t serial = room->serial;
    room->fresh = false;
    room->rung = true;
    tell_all(7, 15, 16);
    ok(accept_at(second, 7, 11, "e"), "then eve, who was read before that");
    ok(room->rev == 11 && room->fresh, "for her the room is read from there once more");
    ok(room->serial != serial && !room->rung, "and what is being read from elsewhere is not told");
    is(eve.heard, "", "she does not hear what comes behind what she misses");
    tell_all(7, 12, 13);
    tell_all(7, 14, 17);
    is(eve.heard, "...13 ...17 ", "but everything in order");
    is(bob.heard, "...16 17 ", "bob nothing twice");
    ok(accept_at(third, 7, 12, "e") && room->rev == 17, "tom is read on from there as well");
    is(tom.heard, "13 14 15 16 17 ", "and hears everything in order");
    tell(7, 18);
    is(tom.heard, "13 14 15 16 17 18 ", "it goes on");
    leave_all(&bob);
    leave_all(&eve);
    leave_all(&tom);
}

static void test_overflow(void)
{
    struct listener bob = { .overflows = 0 }, eve = { .overflows = 0 };
    ok(accept_at(join(&bob, "room:a"), 7, 0, "e"), "bob is in");
    join(&eve, "room:a");
    for (int64_t rev = 1; rev <= 8; rev++) /* 12 bytes each on the wire */
        tell(7, rev);
    ok(!hub_full(hub, hub_rooms(hub), 4) && hub_full(hub, hub_rooms(hub), 5),
       "it can be seen how much more eve may hold");
    tell(7, 9);
    ok(eve.overflows == 1, "who holds more than the limit overflows");
    ok(strlen(bob.heard) == 18, "others hear on");
    leave_all(&eve);
    leave_all(&bob);
}

static void test_epochs(void)
{
    struct listener bob = { .overflows = 0 }, eve = { .overflows = 0 };
    struct hub_member *first = join(&bob, "room:a"), *second = join(&eve, "room:a");
    ok(accept_at(first, 7, 10, "e"), "bob is in");
    ok(!accept_at(second, 7, 3, "f"), "a join that read another database is made anew");
    tell(7, 11);
    hub_unsettle(hub, first->room);
    ok(!hub_room_by_id(hub, 7), "an unsettled room has no id");
    hub_leave(hub, &first, &bob.members);
    ok(accept_at(second, 8, 3, "f"), "the next join settles it");
    ok(hub_room_by_id(hub, 8)->rev == 3, "from its own counter");
    is(eve.heard, "", "what was held of the old one is dropped");
    leave_all(&eve);
}

static void test_many(void)
{
    static struct listener listeners[300];
    char topic[20];
    for (int i = 0; i < 300; i++) {
        sprintf(topic, "room:%d", i);
        if (!accept_at(join(&listeners[i], topic), i + 1, 0, "e"))
            break;
    }
    ok(hub_room_count(hub) == 300, "300 rooms");
    int found = 0;
    for (int i = 0; i < 300; i++) {
        sprintf(topic, "room:%d", i);
        found += hub_room_by_id(hub, i + 1) && text_is(hub_topic(hub_room_by_id(hub, i + 1)), topic);
    }
    ok(found == 300, "each found by its id");
    ok(hub_find(listeners[4].members, TEXT("room:4")) && !hub_find(listeners[4].members, TEXT("room:5")),
       "and by topic");
    for (int i = 0; i < 300; i++)
        leave_all(&listeners[i]);
    ok(hub_room_count(hub) == 0 && !hub_rooms(hub), "and all forgotten");
}

static void test_several(void)
{
    struct listener bob = { .overflows = 0 }, eve = { .overflows = 0 }, tom = { .overflows = 0 };
    ok(accept_at(join(&bob, "room:a"), 7, 10, "e") && accept_at(join(&eve, "room:a"), 7, 12, "e"),
       "bob is at 10, and eve, who came later, at 12");
    struct hub_member *pending = join(&tom, "room:a");
    tell_all(7, 11, 14);
    is(bob.heard, "...14 ", "who misses all of several gets them in one");
    is(eve.heard, "13 14 ", "who has some already gets the others");
    ok(accept_at(pending, 7, 13, "e"), "a join is answered meanwhile");
    is(tom.heard, "14 ", "and what was held behind it is told apart");
    tell_all(7, 13, 14);
    tell(7, 15);
    is(bob.heard, "...14 15 ", "nothing is told twice");
    ok(hub_room_by_id(hub, 7)->rev == 15, "the room moved on");
    leave_all(&bob);
    leave_all(&eve);
    leave_all(&tom);
}

/* --- peers that end within a broadcast --- */

/* As the relay's peers are: whatever happens to one within a broadcast, it leaves and is freed when the turn ends. */
struct mortal {
    struct mortal *next_ending;
    bool ending;
    int heard;
    struct mortal *takes_along; /* ends together with it */
    enum { LIVES, DIES_SENT, DIES_OVERFLOWED } fate;
    struct hub_member *members;
};

static struct mortal *ending;

static void end_mortal(struct mortal *mortal)
{
    if (!mortal || mortal->ending)
        return;
    mortal->ending = true;
    mortal->next_ending = ending;
    ending = mortal;
}

static void mortal_sent(void *peer, struct broadcast *broadcast)
{
    struct mortal *mortal = peer;
    (void)broadcast;
    mortal->heard += !mortal->ending;
    if (mortal->fate == DIES_SENT) {
        end_mortal(mortal);
        end_mortal(mortal->takes_along);
    }
}

static void mortal_overflowed(void *peer)
{
    struct mortal *mortal = peer;
    end_mortal(mortal);
    end_mortal(mortal->takes_along);
}

static int end_of_turn(struct hub *mortals)
{
    int freed = 0;
    for (; ending; freed++) {
        struct mortal *mortal = ending;
        ending = mortal->next_ending;
        while (mortal->members) {
            struct hub_member *member = mortal->members;
            hub_leave(mortals, &member, &mortal->members);
        }
        free(mortal);
    }
    return freed;
}

static struct mortal *mortal_new(struct hub *mortals, int fate)
{
    struct mortal *mortal = calloc(1, sizeof *mortal);
    if (!mortal)
        abort();
    mortal->fate = fate;
    struct hub_member *member = hub_join(mortals, TEXT("room:a"), mortal, NULL, &mortal->members);
    if (fate != DIES_OVERFLOWED && !hub_accept(mortals, member, 7, 0, TEXT("e"))) /* pending ones hold, and overflow */
        abort();
    return mortal;
}

/* Every way in which four members can live, die, or take their neighbour along, in one broadcast. */
static void test_ending_within(void)
{
    static const struct hub_events ends = { .send = mortal_sent, .overflow = mortal_overflowed };
    struct hub *mortals = hub_new(&ends, 5); /* less than one broadcast */
    int wrong = 0;
    for (int way = 0; way < 6 * 6 * 6 * 6; way++) {
        struct mortal *four[4];
        int lives = 0, rest = way;
        for (int i = 0; i < 4; i++, rest /= 6)
            four[i] = mortal_new(mortals, rest % 3);
        rest = way;
        for (int i = 0; i < 4; i++, rest /= 6)
            four[i]->takes_along = rest % 6 >= 3 ? four[(i + 1) % 4] : NULL;
        struct hub_room *room = hub_rooms(mortals);
        for (int64_t rev = 1; rev <= 3; rev++) {
            struct broadcast *broadcast = broadcast_frame(OPCODE_TEXT, TEXT("ten bytes!"), rev);
            hub_tell_all(mortals, room, &broadcast, 1, broadcast);
            broadcast_release(&broadcast);
        }
        for (int i = 0; i < 4; i++) {
            lives += !four[i]->ending;
            wrong += !four[i]->ending && four[i]->heard != 3;
        }
        wrong += end_of_turn(mortals) != 4 - lives || (lives == 0) != (hub_room_count(mortals) == 0);
        for (struct hub_member *member = lives ? room->members : NULL; member; member = member->next_in_room)
            end_mortal(member->peer);
        wrong += end_of_turn(mortals) != lives || hub_room_count(mortals) != 0;
    }
    ok(wrong == 0, "whoever ends within a broadcast is freed after it, and all others hear everything");
    hub_free(&mortals);
}

static void leave_within(void *peer, struct broadcast *broadcast)
{
    (void)broadcast;
    leave_all(peer);
}

/* What must not happen can not happen silently. */
static void test_leaving_within(void)
{
    static const struct hub_events leaves = { .send = leave_within, .overflow = note_overflow };
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct listener bob = { .overflows = 0 };
        (void)!freopen("/dev/null", "w", stderr);
        signal(SIGABRT, SIG_DFL);
        hub = hub_new(&leaves, 100);
        if (accept_at(join(&bob, "room:a"), 7, 0, "e"))
            tell(7, 1);
        _exit(0);
    }
    waitpid(child, &status, 0);
    ok(child > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "leaving within a broadcast aborts");
}

int main(void)
{
    hub = hub_new(&events, 100);
    test_first();
    test_pending();
    test_overtaken();
    test_several();
    test_overflow();
    test_epochs();
    test_many();
    test_ending_within();
    test_leaving_within();
    hub_free(&hub);
    return done();
}
