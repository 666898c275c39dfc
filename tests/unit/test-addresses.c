/* relay/addresses.c: who counts together, and that what is given back is forgotten. */
#include "relay/addresses.h"

#include <sodium.h>
#include <stdio.h>

#include "../support/tap.h"

static struct addresses *addresses;

/* How many more may come from there, at most ten; all are given back. */
static int room_at(const char *text, size_t most)
{
    struct address *taken[10];
    int count = 0;
    while (count < 10 && addresses_take(addresses, text_of(text), most, &taken[count]))
        count++;
    for (int i = 0; i < count; i++)
        addresses_give(addresses, &taken[i]);
    return count;
}

/* Is the second refused while the first holds the only place? */
static bool together(const char *first, const char *second)
{
    struct address *one, *other;
    if (!addresses_take(addresses, text_of(first), 1, &one))
        return false;
    bool fits = addresses_take(addresses, text_of(second), 1, &other);
    if (fits)
        addresses_give(addresses, &other);
    addresses_give(addresses, &one);
    return !fits;
}

static void test_many(void)
{
    static struct address *held[5000];
    char text[40];
    int taken = 0;
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, i % 2 ? "10.0.%d.%d" : "2001:db8:%x:%x::1", i / 250, i % 250);
        taken += addresses_take(addresses, text_of(text), 1, &held[i]);
    }
    ok(taken == 5000, "thousands at once, each its own");
    ok(room_at("10.0.0.1", 1) == 0 && room_at("2001:db8:0:2::7", 1) == 0, "and each is found again");
    for (int i = 0; i < 5000; i++)
        addresses_give(addresses, &held[i]);
    ok(room_at("10.0.0.1", 1) == 1, "until it is given back");
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    addresses = addresses_new();
    ok(room_at("192.0.2.1", 3) == 3, "so many and no more");
    ok(room_at("192.0.2.1", 3) == 3, "again, when they are gone");
    ok(together("192.0.2.1", "192.0.2.1") && !together("192.0.2.1", "192.0.2.2"), "IPv4 counts by address");
    ok(together("2001:db8::1", "2001:db8::ffff:0:0:2") && !together("2001:db8::1", "2001:db8:0:1::1"), "IPv6 by /64");
    ok(together("::ffff:192.0.2.1", "192.0.2.1"), "an IPv4 address in IPv6 is the same");
    ok(together("unknown", "unknown") && !together("unknown", "192.0.2.1:80"), "what is no address is one as it is");
    ok(room_at("127.0.0.1", 1) == 10 && room_at("::1", 1) == 10 && room_at("::ffff:127.1.2.3", 1) == 10 &&
           room_at("", 1) == 10,
       "our own machine is not counted");
    test_many();
    addresses_free(&addresses);
    ok(addresses == NULL, "nothing is left");
    return done();
}
