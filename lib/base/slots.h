/* A bound on how many processes of this host do something costly at the same time. It holds across workers, whoever
 * started them, and a process that dies gives its place back. */
#ifndef CONFAB_BASE_SLOTS_H
#define CONFAB_BASE_SLOTS_H

#include <stdbool.h>

struct slots {
    int id; /* of a System V semaphore */
};

/* Wait at most so long for one of `count` places. path is a file that stands for the thing to be bounded: processes
 * that name the same file, and run as the same user, share the places. False: none came free, or the system has no
 * semaphores to give. */
bool slots_take(struct slots *, const char *path, int count, int milliseconds) __attribute__((warn_unused_result));

void slots_give(const struct slots *);

#endif
