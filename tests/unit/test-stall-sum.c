#include "../support/stall_sum.h"
#include "../support/tap.h"

#include <math.h>
#include <stdlib.h>

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void test_overlaps(void)
{
    struct stall_sum sum = { 0 };
    stall_add(&sum, 0, 2);
    stall_add(&sum, 3, 3.5);
    ok(near(sum.total, 2.5), "what lies apart is added up");
    stall_add(&sum, 3.25, 4);
    ok(near(sum.total, 3), "what overlaps counts once");
    stall_add(&sum, 1, 1.5);
    ok(near(sum.total, 3), "and what lies within another not again");
    stall_add(&sum, -1, 5);
    ok(near(sum.total, 6), "a long one that is reported last takes the others in");
    stall_add(&sum, 5, 6);
    ok(near(sum.total, 7) && sum.count == 1, "what touches is one");
}

/* Beside a line of cells that are on or off. */
static void test_random(void)
{
    enum { CELLS = 2000, SPAN = 40, INTERVALS = 400 };
    static bool off[CELLS + SPAN];
    struct stall_sum sum = { 0 };
    size_t cells = 0;
    srandom(1);
    for (int i = 0; i < INTERVALS; i++) {
        long from = i * (CELLS / INTERVALS) + random() % SPAN / 2, to = from + 1 + random() % (SPAN / 2);
        stall_add(&sum, (double)from, (double)to);
        for (long at = from; at < to; at++)
            off[at] = true;
    }
    for (size_t i = 0; i < CELLS + SPAN; i++)
        cells += off[i];
    ok(near(sum.total, (double)cells), "at random: %.0f of %zu", sum.total, cells);
}

static void test_many(void)
{
    struct stall_sum sum = { 0 };
    for (int i = 0; i < 3 * STALL_KEPT; i++)
        stall_add(&sum, i, i + 0.5);
    ok(near(sum.total, 1.5 * STALL_KEPT) && sum.count == STALL_KEPT, "of many the last ones are kept");
}

int main(void)
{
    test_overlaps();
    test_random();
    test_many();
    return done();
}
