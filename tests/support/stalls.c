/* How long this machine stood still: a virtual machine is not always run, and a test that asks "at once?" must not take
 * that for the answer.
 *
 *     stalls FILE
 *
 * A thread on each CPU sleeps a moment again and again. What it sleeps longer is a stall; the time in which at least
 * one CPU stalled is summed up in FILE, a double of seconds in this machine's byte order, for whoever maps or reads it
 * (tests/support/Confab/Clock.pm, clock.mjs). A machine that is only busy is not stalled: who has slept goes first.
 *
 * Ends with its parent.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"

static const double SLEEP = 0.005; /* seconds */
static const double LATE = 0.02;   /* no later than this is a wakeup of a machine that is only busy */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static double counted_to; /* stalls until then are counted */
static _Atomic double *total;

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Stalls of several CPUs overlap; what is counted already is not counted again. */
static void count(double from, double to)
{
    pthread_mutex_lock(&lock);
    if (from < counted_to)
        from = counted_to;
    if (to > from) {
        *total = *total + (to - from);
        counted_to = to;
    }
    pthread_mutex_unlock(&lock);
}

static void *watch(void *cpu)
{
    const struct timespec pause = { .tv_nsec = (long)(SLEEP * 1e9) };
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET((size_t)(uintptr_t)cpu, &here);
    pthread_setaffinity_np(pthread_self(), sizeof here, &here);
    for (;;) {
        double due = now() + SLEEP;
        nanosleep(&pause, NULL);
        double woken = now();
        if (woken - due > LATE)
            count(due, woken);
    }
    return NULL;
}

static void map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    must(fd >= 0 && ftruncate(fd, sizeof *total) == 0);
    total = mmap(NULL, sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(total != MAP_FAILED);
    close(fd);
}

int main(int argc, char **argv)
{
    cpu_set_t cpus;
    must(argc == 2);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    map(argv[1]);
    must(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
    for (uintptr_t i = 0; i < CPU_SETSIZE; i++) {
        pthread_t thread;
        if (CPU_ISSET(i, &cpus))
            must(pthread_create(&thread, NULL, watch, (void *)i) == 0);
    }
    for (;;)
        pause();
}
