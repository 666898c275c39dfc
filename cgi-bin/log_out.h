/* What every sign-out of the own session answers. */
#ifndef CONFAB_CGI_LOG_OUT_H
#define CONFAB_CGI_LOG_OUT_H

struct request;

/* The session has ended: forget it in the browser, and lead home with this status. */
void log_out_done(struct request *, int status);

#endif
