#include "relay/watch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/must.h"

enum { READY_MOST = 512 }; /* in one turn; the others are still ready in the next */

struct watch {
    uv_loop_t *loop;
    int set;
    void (*ready)(void *context, int events);
};

static int add(const struct watch *watch, int fd, void *context)
{
    struct epoll_event wanted = { .events = EPOLLIN, .data.ptr = context };
    return epoll_ctl(watch->set, EPOLL_CTL_ADD, fd, &wanted);
}

/* The loop's own descriptor has no context. */
struct watch *watch_new(uv_loop_t *loop, void (*ready)(void *context, int events))
{
    struct watch *watch = calloc(1, sizeof *watch);
    must(watch != NULL);
    watch->loop = loop;
    watch->ready = ready;
    watch->set = epoll_create1(EPOLL_CLOEXEC);
    must(watch->set >= 0 && add(watch, uv_backend_fd(loop), NULL) == 0);
    return watch;
}

void watch_free(struct watch **watch)
{
    if (!*watch)
        return;
    close((*watch)->set);
    free(*watch);
    *watch = NULL;
}

/* A connection that was hung up is told as what was waited for: the next call on it says what happened. */
static int told(uint32_t events)
{
    return (events & (EPOLLIN | EPOLLHUP) ? WATCH_READABLE : 0) |
           (events & (EPOLLOUT | EPOLLHUP) ? WATCH_WRITABLE : 0) | (events & EPOLLERR ? WATCH_ERROR : 0);
}

/* Tell of what is ready. Is the loop's own descriptor, or might it be among those that are told in the next turn? */
static bool tell(const struct watch *watch, const struct epoll_event *ready, int count)
{
    bool loop = count == READY_MOST;
    for (int i = 0; i < count; i++)
        if (ready[i].data.ptr)
            watch->ready(ready[i].data.ptr, told(ready[i].events));
        else
            loop = true;
    return loop;
}

/* The timeout is 0 when a timer is due, and as well while handles are being closed or descriptors are new to the loop;
 * what of that began in this turn shows in the next. */
void watch_turn(struct watch *watch)
{
    struct epoll_event ready[READY_MOST];
    int timeout = uv_backend_timeout(watch->loop), count = epoll_wait(watch->set, ready, READY_MOST, timeout);
    uv_update_time(watch->loop);
    if (tell(watch, ready, count) || timeout == 0 || count == 0)
        uv_run(watch->loop, UV_RUN_NOWAIT);
}

void watch_change(struct watch *watch, int fd, void *context, int before, int events)
{
    struct epoll_event wanted = { .events = (events & WATCH_READABLE ? EPOLLIN : 0) |
                                            (events & WATCH_WRITABLE ? EPOLLOUT : 0),
                                  .data.ptr = context };
    int operation = !events ? EPOLL_CTL_DEL : !before ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (events != before)
        must(epoll_ctl(watch->set, operation, fd, &wanted) == 0);
}
