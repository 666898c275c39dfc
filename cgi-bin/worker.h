/* A FastCGI worker: takes one connection at a time from a listening socket. */
#ifndef CONFAB_CGI_WORKER_H
#define CONFAB_CGI_WORKER_H

struct house;

/* Serve until SIGTERM, which lets a request in flight finish. listener is non-blocking; SIGTERM and SIGINT are blocked
 * by the caller and taken only between requests. Returns the exit status. */
int worker_run(struct house *, int listener);

#endif
