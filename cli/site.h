/* What a command needs of the site: its configuration and its database. */
#ifndef CONFAB_CLI_SITE_H
#define CONFAB_CLI_SITE_H

#include "chat/scope.h"

/* The scope is the operator's: nobody who signed in, from nowhere. */
struct site {
    const char *command; /* for the sentence when something fails */
    struct scope scope;
};

/* Open the site and run the command on it with the context. as_owner: with database.migrate_url. The exit status is the
 * command's, or 1 after a sentence when there is no configuration. The connection is only made when it is used. */
int site_run(const char *command, bool as_owner, int (*run)(struct site *, void *context), void *context);

/* One sentence on standard error, after the command's name. Always 1. */
int site_complain(const struct site *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with what the database said last. */
int site_broken(const struct site *);

#endif
