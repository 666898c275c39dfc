#include "cgi-bin/prefork.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"

enum { TICK_MS = 200, SOON_US = 1000000 };

struct child {
    pid_t pid; /* 0: none */
    int64_t started;
};

static void start(struct child *child, int listener, int (*run)(void *, int), void *context)
{
    pid_t master = getpid();
    child->started = clock_steady();
    child->pid = fork();
    if (child->pid < 0) {
        log_event(LOG_ERROR, "worker not started", LOG_N("errno", errno));
        child->pid = 0;
    }
    if (child->pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != master) /* it died before we asked to be told */
        _exit(0);
    exit(run(context, listener));
}

/* Take note of children that ended. */
static void reap(struct child *children, int count, bool stopping)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < count; i++)
            if (children[i].pid == pid) {
                children[i].pid = 0;
                if (!stopping)
                    log_event(LOG_WARN, "worker ended", LOG_N("worker", pid), LOG_N("status", status));
            }
}

/* Fill the empty places; a place whose child ended within a second waits for the next tick. */
static void fill(struct child *children, int count, int listener, int (*run)(void *, int), void *context)
{
    for (int i = 0; i < count; i++)
        if (!children[i].pid && clock_steady() - children[i].started > SOON_US)
            start(&children[i], listener, run, context);
}

static bool any_left(const struct child *children, int count)
{
    for (int i = 0; i < count; i++)
        if (children[i].pid)
            return true;
    return false;
}

/* A signal of the set within a tick, or 0. */
static int wait_tick(const sigset_t *set)
{
    struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
    int number = sigtimedwait(set, NULL, &tick);
    return number < 0 ? 0 : number;
}

int prefork(int count, int listener, int (*run)(void *context, int listener), void *context)
{
    struct child *children = calloc((size_t)count, sizeof *children);
    sigset_t set;
    bool stopping = false;
    must(children != NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    must(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    for (int i = 0; i < count; i++)
        start(&children[i], listener, run, context);
    while (!stopping || any_left(children, count)) {
        int number = wait_tick(&set);
        stopping = stopping || number == SIGTERM || number == SIGINT;
        reap(children, count, stopping);
        if (!stopping)
            fill(children, count, listener, run, context);
        for (int i = 0; stopping && i < count;
             i++) /* every tick: one that was just being forked may have missed the first */
            if (children[i].pid)
                kill(children[i].pid, SIGTERM);
    }
    free(children);
    log_event(LOG_INFO, "stopped", LOG_N("workers", count));
    return 0;
}
