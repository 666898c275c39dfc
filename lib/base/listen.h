/* A listening socket from a configuration value: `unix:/path` or `address:port`. */
#ifndef CONFAB_BASE_LISTEN_H
#define CONFAB_BASE_LISTEN_H

struct arena;

/* Bind and listen, non-blocking, close-on-exec, backlog 4096 (nginx answers 502 at once when a unix socket's backlog is
 * full). A unix socket is made with mode 0660, in place of one left behind. -1: a sentence is in *error. */
int listen_on(const char *where, struct arena *, const char **error);

#endif
