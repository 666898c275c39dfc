/* A FastCGI worker: takes one connection at a time from a listening socket. */
#ifndef CONFAB_CGI_WORKER_H
#define CONFAB_CGI_WORKER_H

#include <stdbool.h>

struct house;

/* Serve until SIGTERM, which lets a request in flight finish; or, where `passing`, until nobody came for a while after
 * somebody did. listener is non-blocking; SIGTERM and SIGINT are blocked
 * by the caller and taken only between requests. Returns the exit status. */
int worker_run(struct house *, int listener, bool passing);

/* Was the end asked for? A poll that is held looks for it. */
bool worker_stopping(void);

#endif
