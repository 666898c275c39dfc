/* SEM_UNDO gives a place back when its process dies. A semaphore is made and filled in two steps, and those who come in
 * between must not take it for an empty one: its first operation, the filling, sets sem_otime (semget(2)). */
#include "base/slots.h"

#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

enum { KEY_LETTER = 'c', FILLED_TRIES = 100, TRY_US = 1000 };

union semun { /* semctl(2): the caller defines it */
    struct semid_ds *info;
};

static bool change(int id, short by, const struct timespec *limit)
{
    struct sembuf operation = { .sem_num = 0, .sem_op = by, .sem_flg = SEM_UNDO };
    while (semtimedop(id, &operation, 1, limit) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

static bool fill(int id, int count)
{
    struct sembuf operation = { .sem_num = 0, .sem_op = (short)count, .sem_flg = 0 };
    return semop(id, &operation, 1) == 0;
}

/* Whoever made it may have died before it was filled: then it is removed, and made anew by the next who comes. */
static bool wait_filled(int id)
{
    struct semid_ds info;
    for (int i = 0; i < FILLED_TRIES; i++) {
        if (semctl(id, 0, IPC_STAT, (union semun){ .info = &info }) != 0)
            return false;
        if (info.sem_otime != 0)
            return true;
        usleep(TRY_US);
    }
    semctl(id, 0, IPC_RMID);
    return false;
}

static int open_slots(key_t key, int count)
{
    int id = semget(key, 1, IPC_CREAT | IPC_EXCL | 0600);
    if (id >= 0)
        return fill(id, count) ? id : -1;
    id = errno == EEXIST ? semget(key, 1, 0600) : -1;
    return id >= 0 && wait_filled(id) ? id : -1;
}

bool slots_take(struct slots *slots, const char *path, int count, int milliseconds)
{
    struct timespec limit = { .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L };
    key_t key = ftok(path, KEY_LETTER);
    if (key == (key_t)-1)
        return false;
    key ^= (key_t)getuid() << 16; /* another user's semaphore could not be opened */
    for (int tries = 0; tries < 3; tries++) {
        slots->id = open_slots(key, count);
        if (slots->id >= 0 && change(slots->id, -1, &limit))
            return true;
        if (slots->id >= 0 && errno == EAGAIN)
            return false;
    }
    return false;
}

void slots_give(const struct slots *slots)
{
    (void)change(slots->id, 1, NULL);
}
