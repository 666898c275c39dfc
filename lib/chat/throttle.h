/* How often somebody may do something, counted in Postgres because handlers keep nothing. */
#ifndef CONFAB_CHAT_THROTTLE_H
#define CONFAB_CHAT_THROTTLE_H

#include <stddef.h>

#include "base/errors.h"
#include "base/text.h"

struct posting;
struct scope;

/* May the asker post one more message (limits.rate per author, ten times as many per address)? DONE, BROKEN, or LIMITED
 * with the seconds to wait in *retry_after, at least 1. */
enum outcome throttle_post(const struct scope *, int *retry_after) __attribute__((warn_unused_result));

/* The same for many at once, counted together. Those who may not are given their outcome (LIMITED, BROKEN) and taken
 * out of the list, whose order stays. */
void throttle_post_many(struct posting **, size_t *count);

/* May the asker try a password for this account (an e-mail or userid as it was typed)? Counted by account and address
 * together (limits.sign_in), and ten times as many by each of them alone: whoever guesses at an account from elsewhere
 * shuts its owner out only from ten addresses. DONE, BROKEN, or LIMITED with the seconds to wait in *retry_after. */
enum outcome throttle_sign_in(const struct scope *, struct text account, int *retry_after)
    __attribute__((warn_unused_result));

/* It was the right one: what this address tried at this account is forgotten. */
void throttle_signed_in(const struct scope *, struct text account);

#endif
