/* What cannot be: our own mistakes end the process, and the supervisor starts it anew.
 * Bad input and a database that is away are not of this kind (STYLE: errors are of three kinds). */
#ifndef CONFAB_BASE_MUST_H
#define CONFAB_BASE_MUST_H

#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))

/* Write the broken assumption to standard error and abort. */
_Noreturn void must_failed(const char *cond, const char *file, int line);

#endif
