/* How many polls the workers of one master may hold at the same time. A worker that dies, however it dies, gives its
 * place back. */
#ifndef CONFAB_CGI_PLACES_H
#define CONFAB_CGI_PLACES_H

#include <stdbool.h>

struct places;

/* To be made by the master, before it starts its workers. */
struct places *places_new(int count) __attribute__((warn_unused_result, returns_nonnull));
void places_free(struct places **);

/* Take a place of a worker's own, one at a time. False: all are taken. Without places (NULL) there is no bound. */
bool places_take(struct places *) __attribute__((warn_unused_result));
void places_give(struct places *);

/* How many are taken by others. */
int places_taken(const struct places *);

/* Is there one left? */
bool places_left(const struct places *);

#endif
