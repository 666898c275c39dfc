/* What may be posted: BEHAVIOURS S7 to S9. Pure: no database. */
#ifndef CONFAB_CHAT_MESSAGE_RULES_H
#define CONFAB_CHAT_MESSAGE_RULES_H

#include <stdbool.h>

#include "base/text.h"

struct errors;
struct message_new;
struct scope;

enum { MESSAGE_NAME_MAX = 60, MESSAGE_CLIENT_ID_MAX = 64 };

/* Put the input into its normal form (LF, trimmed, the account's name for a member, a client_id if there is none) and
 * judge it. False: errors are filled. *out points into the input, the scope or its arena. */
bool message_check(const struct scope *, const struct message_new *in, struct message_new *out, struct errors *);

/* A name alone, in its normal form; in the arena. */
struct text message_name(const struct scope *, struct text typed, struct errors *);

#endif
