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

struct crew {
    const struct pool *pool;
    struct child *children;
};

static pid_t master; /* in a child */

static void start(struct child *child, const struct pool *pool)
{
    pid_t self = getpid();
    child->started = clock_steady();
    child->pid = fork();
    if (child->pid < 0) {
        log_event(LOG_ERROR, "worker not started", LOG_N("errno", errno));
        child->pid = 0;
    }
    if (child->pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != self) /* it died before we asked to be told */
        _exit(0);
    master = self;
    exit(pool->run(pool->context, pool->listener));
}

/* One that ended in order, because nobody needed it, may be followed at once. */
static void bury(struct crew *crew, pid_t pid, int status, bool stopping)
{
    for (int i = 0; i < crew->pool->most; i++) {
        if (crew->children[i].pid != pid)
            continue;
        bool in_order = status == 0 && crew->pool->wanted;
        crew->children[i].pid = 0;
        if (in_order)
            crew->children[i].started = 0;
        else if (!stopping)
            log_event(LOG_WARN, "worker ended", LOG_N("worker", pid), LOG_N("status", status));
    }
}

/* Take note of children that ended. */
static void reap(struct crew *crews, size_t count, bool stopping)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < count; i++)
            bury(&crews[i], pid, status, stopping);
}

static int alive(const struct crew *crew)
{
    int count = 0;
    for (int i = 0; i < crew->pool->most; i++)
        count += crew->children[i].pid != 0;
    return count;
}

/* Fill the empty places, as far as it is wanted; a place whose child ended within a second waits for the next tick. */
static void fill(struct crew *crew)
{
    const struct pool *pool = crew->pool;
    int wanted = pool->wanted ? pool->wanted(pool->context) : pool->most, there = alive(crew);
    for (int i = 0; i < pool->most && there < wanted; i++)
        if (!crew->children[i].pid && clock_steady() - crew->children[i].started > SOON_US) {
            start(&crew->children[i], pool);
            there++;
        }
}

static bool any_left(const struct crew *crews, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (alive(&crews[i]))
            return true;
    return false;
}

/* Every tick: one that was just being forked may have missed the first. */
static void end(struct crew *crew)
{
    for (int i = 0; i < crew->pool->most; i++)
        if (crew->children[i].pid)
            kill(crew->children[i].pid, SIGTERM);
}

/* A signal of the set within a tick, or 0. */
static int wait_tick(const sigset_t *set)
{
    struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
    int number = sigtimedwait(set, NULL, &tick);
    return number < 0 ? 0 : number;
}

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGUSR1);
    must(sigprocmask(SIG_BLOCK, set, NULL) == 0);
}

static struct crew *crews_new(const struct pool *pools, size_t count)
{
    struct crew *crews = calloc(count, sizeof *crews);
    must(crews != NULL);
    for (size_t i = 0; i < count; i++) {
        crews[i] = (struct crew){ &pools[i], calloc((size_t)pools[i].most, sizeof(struct child)) };
        must(crews[i].children != NULL);
    }
    return crews;
}

static void crews_free(struct crew *crews, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(crews[i].children);
    free(crews);
}

int prefork(const struct pool *pools, size_t count)
{
    struct crew *crews = crews_new(pools, count);
    sigset_t set;
    bool stopping = false;
    block_signals(&set);
    for (size_t i = 0; i < count; i++)
        fill(&crews[i]);
    while (!stopping || any_left(crews, count)) {
        int number = wait_tick(&set);
        stopping = stopping || number == SIGTERM || number == SIGINT;
        reap(crews, count, stopping);
        for (size_t i = 0; i < count; i++)
            if (stopping)
                end(&crews[i]);
            else
                fill(&crews[i]);
    }
    crews_free(crews, count);
    log_event(LOG_INFO, "stopped", LOG_N("pools", count));
    return 0;
}

/* The parent of an orphan is somebody else, whom this signal could kill. */
void prefork_wake(void)
{
    if (master && getppid() == master)
        kill(master, SIGUSR1);
}
