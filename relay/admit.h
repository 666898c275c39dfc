/* Who asks, judged anew with each frame (DESIGN 4): on a worker, before what is asked is looked at. A member's row is
 * asked for, all rows of a batch at once; so name, role, and ban are always as they are now. A guest has none. */
#ifndef CONFAB_RELAY_ADMIT_H
#define CONFAB_RELAY_ADMIT_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct scope;

/* Fill a scope for each call, from the one of the job. Where admitted[i] is false its answer has been given, and the
 * call's `ended` says why the session does not hold, if that is why. */
void admit_calls(const struct scope *, struct call *const *, size_t count, struct scope *scopes, bool *admitted);

/* A join was answered with messages, which were read after its session was found to hold. If it still does, the session
 * held when they were read; else the answer is taken back. (So nobody joins, or hears what was sent, after the answer
 * to a sign-out.) */
void admit_joined(const struct scope *, struct call *);

#endif
