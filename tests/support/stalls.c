/* How long this machine stood still: a virtual machine is not always run, and a test that asks "at once?" must not take
 * that for the answer.
 *
 *     stalls FILE
 *
 * A thread on each CPU sleeps a moment again and again. What it sleeps longer is a stall. FILE is for whoever reads it
 * (tests/support/Confab/Clock.pm, clock.mjs): doubles in this machine's byte order, in seconds:
 *
 *     the time in which at least one CPU stalled, as far as that is over
 *     how late a thread may be without that being a stall
 *     when each thread is due, by CLOCK_MONOTONIC: one that is overdue stalls now
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
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "stall_sum.h"

static const double SLEEP = 0.005; /* seconds */
static const double LATE = 0.02;   /* a machine that is only busy wakes us no later than this */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stall_sum sum;

static struct {
    _Atomic double total, late, due[CPU_SETSIZE];
} * told;

struct watch {
    size_t cpu, index;
};

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void count(double from, double to)
{
    pthread_mutex_lock(&lock);
    stall_add(&sum, from, to);
    told->total = sum.total;
    pthread_mutex_unlock(&lock);
}

static void *watch(void *context)
{
    const struct timespec pause = { .tv_nsec = (long)(SLEEP * 1e9) };
    const struct watch *mine = context;
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(mine->cpu, &here);
    pthread_setaffinity_np(pthread_self(), sizeof here, &here);
    for (;;) {
        double due = now() + SLEEP;
        told->due[mine->index] = due;
        nanosleep(&pause, NULL);
        double woken = now();
        if (woken - due > LATE)
            count(due, woken);
    }
    return NULL;
}

static void map(const char *path, size_t threads)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    must(fd >= 0 && ftruncate(fd, (off_t)((2 + threads) * sizeof(double))) == 0);
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(told != MAP_FAILED);
    close(fd);
    for (size_t i = 0; i < threads; i++)
        told->due[i] = now() + SLEEP;
    told->late = LATE; /* until then it has not begun */
}

int main(int argc, char **argv)
{
    static struct watch watches[CPU_SETSIZE];
    cpu_set_t cpus;
    size_t threads = 0;
    must(argc == 2);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpriority(PRIO_PROCESS, 0, -20); /* who may: not to wait behind what is tested */
    must(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &cpus)) {
            watches[threads] = (struct watch){ cpu, threads };
            threads++;
        }
    map(argv[1], threads);
    for (size_t i = 0; i < threads; i++) {
        pthread_t thread;
        must(pthread_create(&thread, NULL, watch, &watches[i]) == 0);
    }
    for (;;)
        pause();
}
