/* Answers of the long poll, as they leave. A part of longpoll.h. Loop thread only. */
#ifndef CONFAB_RELAY_LONGPOLL_ANSWER_H
#define CONFAB_RELAY_LONGPOLL_ANSWER_H

#include <stdbool.h>

#include "base/text.h"

struct peer;

/* What a worker found: JSON, or what to refuse with. */
struct longpoll_answer {
    int status;       /* of the protocol; 503: of HTTP; 0: nothing to say yet */
    struct text json; /* empty: the status alone */
    const char *reason;
};

/* Send it, and close. from_ours: as in upgrade.h. */
void longpoll_answer(struct peer *, const struct longpoll_answer *, bool from_ours);

#endif
