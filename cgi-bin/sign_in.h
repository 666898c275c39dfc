/* Sending somebody to the sign-in page, and back to where they came from. */
#ifndef CONFAB_CGI_SIGN_IN_H
#define CONFAB_CGI_SIGN_IN_H

#include <stdbool.h>

struct request;

/* Answer with the way to the sign-in page, which says why. Whoever only looked at a page is led back to it. */
void sign_in_redirect(struct request *, bool again);

#endif
