#include "relay/resting.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

/* So many times as long as the telling itself: the proxy's part, and a rest after that. */
enum { PROXY_TIMES = 8, PROXY_REST_TIMES = 2 };

static uint64_t at_most(uint64_t time, uint64_t most)
{
    return time < most ? time : most;
}

void resting_begin(struct resting *resting, uint64_t begun, uint64_t ended, int last)
{
    uint64_t took = ended - begun, rest = at_most(took / 2, RESTING_MOST_NS);
    resting->proxy = last >= 0 && took >= RESTING_LEAST_NS;
    if (resting->proxy)
        *resting = (struct resting){ .begun = begun, .took = took, .last = last, .proxy = true };
    else if (rest >= RESTING_LEAST_NS)
        resting->until = ended + rest;
}

/* unix(7): SIOCOUTQ, what was sent and not read yet. */
static bool was_read(int fd)
{
    int left;
    return ioctl(fd, SIOCOUTQ, &left) != 0 || left == 0;
}

/* Is the proxy still reading? */
static bool under_way(struct resting *resting, uint64_t now)
{
    uint64_t since = now - resting->begun, most = at_most(resting->took * PROXY_TIMES, RESTING_PROXY_NS);
    bool late = since >= most;
    if (!late && !was_read(resting->last)) {
        resting->awaited = true;
        return true;
    }
    if (!late && resting->awaited)
        resting->until = now + at_most(resting->took * PROXY_REST_TIMES, RESTING_MOST_NS);
    resting->proxy = false;
    return false;
}

uint64_t resting_left(struct resting *resting, uint64_t now)
{
    if (resting->proxy && under_way(resting, now))
        return RESTING_LEAST_NS;
    uint64_t left = resting->until > now ? resting->until - now : 0;
    return left >= RESTING_LEAST_NS / 2 ? left : 0;
}
