#include "stall_sum.h"

#include <string.h>

/* Where the first of those lies that end at that time or behind it. */
static size_t place_of(const struct stall_sum *sum, double from)
{
    size_t at = sum->count;
    while (at && sum->kept[at - 1].to >= from)
        at--;
    return at;
}

void stall_add(struct stall_sum *sum, double from, double to)
{
    size_t at = place_of(sum, from), end = at;
    struct stall *kept = sum->kept;
    for (; end < sum->count && kept[end].from <= to; end++) {
        sum->total -= kept[end].to - kept[end].from;
        from = kept[end].from < from ? kept[end].from : from;
        to = kept[end].to > to ? kept[end].to : to;
    }
    sum->total += to - from;
    if (at == end && sum->count == STALL_KEPT) { /* no room: the oldest goes */
        memmove(kept, kept + 1, --sum->count * sizeof *kept);
        at = end = at ? at - 1 : 0;
    }
    memmove(kept + at + 1, kept + end, (sum->count - end) * sizeof *kept);
    sum->count = sum->count - end + at + 1;
    kept[at] = (struct stall){ from, to };
}
