#include "relay/watch.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/must.h"

enum { READY_MOST = 512 }; /* in one turn; the others are still ready in the next */

struct watch {
    uv_poll_t poll;
    int set;
    void (*ready)(void *context, int events);
};

/* A connection that was hung up is told as what was waited for: the next call on it says what happened. */
static int told(uint32_t events)
{
    return (events & (EPOLLIN | EPOLLHUP) ? WATCH_READABLE : 0) |
           (events & (EPOLLOUT | EPOLLHUP) ? WATCH_WRITABLE : 0) | (events & EPOLLERR ? WATCH_ERROR : 0);
}

static void some_ready(uv_poll_t *poll, int status, int events)
{
    struct epoll_event ready[READY_MOST];
    const struct watch *watch = poll->data;
    (void)events;
    must(status == 0);
    int count = epoll_wait(watch->set, ready, READY_MOST, 0);
    for (int i = 0; i < count; i++)
        watch->ready(ready[i].data.ptr, told(ready[i].events));
}

struct watch *watch_new(uv_loop_t *loop, void (*ready)(void *context, int events))
{
    struct watch *watch = calloc(1, sizeof *watch);
    must(watch != NULL);
    watch->ready = ready;
    watch->set = epoll_create1(EPOLL_CLOEXEC);
    must(watch->set >= 0 && uv_poll_init(loop, &watch->poll, watch->set) == 0);
    watch->poll.data = watch;
    must(uv_poll_start(&watch->poll, UV_READABLE, some_ready) == 0);
    return watch;
}

static void closed(uv_handle_t *poll)
{
    struct watch *watch = poll->data;
    close(watch->set);
    free(watch);
}

void watch_free(struct watch **watch)
{
    if (*watch)
        uv_close((uv_handle_t *)&(*watch)->poll, closed);
    *watch = NULL;
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
