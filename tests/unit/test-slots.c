/* The bound holds over processes, and survives them. */
#include "../support/tap.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/slots.h"

enum { PLACES = 2, PROCESSES = 12, TURNS = 20 };

static char path[] = P_tmpdir "/test-slots.XXXXXX";

static struct shared {
    atomic_int inside, most, turns;
} * shared;

static void remove_semaphore(void)
{
    struct slots slots;
    if (slots_take(&slots, path, PLACES, 0))
        semctl(slots.id, 0, IPC_RMID);
}

/* In and out again; whoever is inside counts who else is. */
static void work(void)
{
    for (int i = 0; i < TURNS; i++) {
        struct slots slots;
        if (!slots_take(&slots, path, PLACES, 10000))
            _exit(1);
        int now = atomic_fetch_add(&shared->inside, 1) + 1, most = atomic_load(&shared->most);
        while (now > most && !atomic_compare_exchange_weak(&shared->most, &most, now))
            ;
        usleep(500);
        atomic_fetch_sub(&shared->inside, 1);
        atomic_fetch_add(&shared->turns, 1);
        slots_give(&slots);
    }
    _exit(0);
}

static void test_bound(void)
{
    pid_t pids[PROCESSES];
    int failed = 0, status;
    for (int i = 0; i < PROCESSES; i++)
        if ((pids[i] = fork()) == 0)
            work();
    for (int i = 0; i < PROCESSES; i++)
        failed += waitpid(pids[i], &status, 0) != pids[i] || status != 0;
    ok(failed == 0 && shared->turns == PROCESSES * TURNS, "everybody has its turns");
    ok(shared->most == PLACES, "at most %d at once, and as many: %d", PLACES, shared->most);
}

/* A process that takes a place and keeps it. */
static pid_t holder(void)
{
    int ready[2];
    char byte;
    if (pipe(ready) != 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        struct slots slots;
        bool taken = slots_take(&slots, path, PLACES, 1000);
        if (write(ready[1], taken ? "y" : "n", 1) == 1)
            pause();
        _exit(0);
    }
    close(ready[1]);
    bool taken = read(ready[0], &byte, 1) == 1 && byte == 'y';
    close(ready[0]);
    ok(taken, "a process takes a place");
    return pid;
}

static void test_killed(void)
{
    pid_t pids[PLACES];
    struct slots slots;
    for (int i = 0; i < PLACES; i++)
        pids[i] = holder();
    int64_t began = clock_steady();
    ok(!slots_take(&slots, path, PLACES, 0), "then there is none");
    ok(clock_steady() - began < 1000000, "which is known at once");
    ok(!slots_take(&slots, path, PLACES, 100) && clock_steady() - began >= 90000, "or after the wait");
    kill(pids[0], SIGKILL);
    waitpid(pids[0], NULL, 0);
    ok(slots_take(&slots, path, PLACES, 1000), "one that is killed gives its place back");
    slots_give(&slots);
    for (int i = 1; i < PLACES; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    struct slots all[PLACES];
    int taken = 0;
    for (int i = 0; i < PLACES; i++)
        taken += slots_take(&all[i], path, PLACES, 0);
    ok(taken == PLACES && !slots_take(&slots, path, PLACES, 0), "and no more than its place");
    for (int i = 0; i < PLACES; i++)
        slots_give(&all[i]);
}

/* Somebody made the semaphore and died before it was filled. */
static void test_unfilled(void)
{
    struct slots slots;
    remove_semaphore();
    key_t key = ftok(path, 'c') ^ (key_t)getuid() << 16;
    ok(semget(key, 1, IPC_CREAT | IPC_EXCL | 0600) >= 0, "one who dies too early leaves an empty semaphore");
    ok(slots_take(&slots, path, PLACES, 1000), "the next makes it anew");
    slots_give(&slots);
}

static void test_removed(void)
{
    struct slots slots;
    ok(slots_take(&slots, path, PLACES, 0), "a place");
    ok(semctl(slots.id, 0, IPC_RMID) == 0, "whose semaphore the administrator removes");
    slots_give(&slots);
    ok(slots_take(&slots, path, PLACES, 1000), "the next one is of a new semaphore");
    slots_give(&slots);
    ok(!slots_take(&slots, "/nonexistent/file", PLACES, 0), "what does not exist stands for nothing");
}

int main(void)
{
    int fd = mkstemp(path);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fd < 0 || shared == MAP_FAILED)
        return 1;
    close(fd);
    test_bound();
    test_killed();
    test_unfilled();
    test_removed();
    remove_semaphore();
    unlink(path);
    return done();
}
