/* The master of the FastCGI workers: starts them, starts the fallen anew, ends them in order. */
#ifndef CONFAB_CGI_PREFORK_H
#define CONFAB_CGI_PREFORK_H

/* Run `count` children until SIGTERM or SIGINT; each calls run(context, listener) and exits with what it returns.
 * Returns the exit status. The children find SIGTERM and SIGINT blocked. */
int prefork(int count, int listener, int (*run)(void *context, int listener), void *context);

#endif
