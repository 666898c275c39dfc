/* The master of the FastCGI workers: starts them, starts the fallen anew, ends them in order. */
#ifndef CONFAB_CGI_PREFORK_H
#define CONFAB_CGI_PREFORK_H

#include <stddef.h>

/* Children of one kind, at one listener. Each calls run(context, listener) and exits with what it returns. */
struct pool {
    int listener;
    int most;
    int (*wanted)(void *context); /* how many there should be at the moment, at most `most`; NULL: `most` */
    int (*run)(void *context, int listener);
    void *context;
};

/* Run the pools' children until SIGTERM or SIGINT. Returns the exit status. The children find SIGTERM and SIGINT
 * blocked. */
int prefork(const struct pool *pools, size_t count);

/* In a child: let the master look at once how many are wanted. */
void prefork_wake(void);

#endif
