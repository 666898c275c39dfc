/* relay/addresses.c: who counts together, that what is given back is forgotten, and one text for many. */
#include "relay/addresses.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "../support/tap.h"

static struct addresses *addresses;

/* How many more may come from there, at most ten; all are given back. */
static int room_at(const char *text, size_t most)
{
    int count = 0;
    while (count < 10 && addresses_take(addresses, text_of(text), most))
        count++;
    for (int i = 0; i < count; i++)
        addresses_give(addresses, text_of(text));
    return count;
}

/* Is the second refused while the first holds the only place? */
static bool together(const char *first, const char *second)
{
    if (!addresses_take(addresses, text_of(first), 1))
        return false;
    bool fits = addresses_take(addresses, text_of(second), 1);
    if (fits)
        addresses_give(addresses, text_of(second));
    addresses_give(addresses, text_of(first));
    return !fits;
}

static const char *nth(int i)
{
    static char text[40];
    snprintf(text, sizeof text, i % 2 ? "10.0.%d.%d" : "2001:db8:%x:%x::1", i / 250, i % 250);
    return text;
}

static void test_many(void)
{
    int taken = 0;
    for (int i = 0; i < 5000; i++)
        taken += addresses_take(addresses, text_of(nth(i)), 1);
    ok(taken == 5000, "thousands at once, each its own");
    ok(room_at("10.0.0.1", 1) == 0 && room_at("2001:db8:0:2::7", 1) == 0, "and each is found again");
    for (int i = 0; i < 5000; i++)
        addresses_give(addresses, text_of(nth(i)));
    ok(room_at("10.0.0.1", 1) == 1, "until it is given back");
}

static void test_written(void)
{
    static const char *kept[2000];
    char longest[200] = { 0 };
    int same = 0;
    for (int i = 0; i < 2000; i++)
        kept[i] = addresses_keep(addresses, text_of(nth(i)));
    for (int i = 0; i < 2000; i++)
        same += strcmp(kept[i], nth(i)) == 0;
    ok(same == 2000, "what was written is kept, of thousands");
    for (int i = 0; i < 2000; i++)
        addresses_drop(addresses, &kept[i]);
    kept[0] = addresses_keep(addresses, TEXT("2001:db8::1"));
    kept[1] = addresses_keep(addresses, TEXT("2001:db8::1"));
    ok(kept[0] == kept[1], "once for all who came from there");
    addresses_drop(addresses, &kept[0]);
    ok(kept[0] == NULL && strcmp(kept[1], "2001:db8::1") == 0, "as long as one of them is there");
    addresses_drop(addresses, &kept[1]);
    kept[0] = addresses_keep(addresses, TEXT(""));
    ok(strcmp(kept[0], "") == 0, "a unix socket has none");
    addresses_drop(addresses, &kept[0]);
    memset(longest, 'x', sizeof longest - 1);
    kept[0] = addresses_keep(addresses, text_of(longest));
    ok(strlen(kept[0]) == 63, "what is longer than any address is cut");
    addresses_drop(addresses, &kept[0]);
    addresses_drop(addresses, &kept[0]);
    ok(kept[0] == NULL, "nothing is dropped twice");
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
    test_written();
    addresses_free(&addresses);
    ok(addresses == NULL, "nothing is left");
    return done();
}
