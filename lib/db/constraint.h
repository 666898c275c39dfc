/* Names of constraints and the sentences they stand for, so that a rule which only the database could judge (a race, a
 * unique name) reaches the form like any other. */
#ifndef CONFAB_DB_CONSTRAINT_H
#define CONFAB_DB_CONSTRAINT_H

#include <stdbool.h>

struct errors;

/* Add the sentence of a constraint. False: no person can break it, so it was our own mistake. */
bool constraint_explain(const char *constraint, struct errors *);

#endif
