/* How long at least one of several CPUs stood still, from intervals that come in any order and overlap. */
#ifndef CONFAB_TESTS_STALL_SUM_H
#define CONFAB_TESTS_STALL_SUM_H

#include <stddef.h>

enum { STALL_KEPT = 64 };

/* Starts as zeros. */
struct stall_sum {
    struct stall {
        double from, to;
    } kept[STALL_KEPT]; /* the last ones: apart from each other, in order of time */
    size_t count;
    double total; /* seconds */
};

/* One more. What is longer ago than those that are kept counts whole. */
void stall_add(struct stall_sum *, double from, double to);

#endif
