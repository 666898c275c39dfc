/* Posting messages, one or many that came together. The rules for what may be posted are in message_rules.h. */
#ifndef CONFAB_CHAT_POSTING_H
#define CONFAB_CHAT_POSTING_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"
#include "chat/message.h"

struct scope;

/* What somebody wants to post, as it came in. */
struct message_new {
    struct text name; /* guests only: members post under the account's name */
    struct text message;
    struct text client_id; /* empty: one is made */
};

/* Post to a room the asker may see, and ring its bell. A client_id that its author used before, for the same text in
 * the same room, answers with the first message; with another text INVALID, field client_id, "already used".
 * DONE: committed, and *out is filled. INVALID fills errors. MISSING: no such room for this asker. DENIED: guests may
 * not write here. LIMITED: too many, errors->retry_after says how long. BROKEN: it is not known to be stored; the same
 * client_id may be tried again. */
enum outcome message_post(const struct scope *, int64_t room_id, const struct message_new *, struct errors *,
                          struct message *out) __attribute__((warn_unused_result));

/* One of many: who posts what, and what became of it. */
struct posting {
    const struct scope *scope;
    struct message_new new;
    enum outcome outcome;
    struct errors errors;
    struct message message;
};

/* Post to one room what came together: one statement, one range of numbers in the order given, one ring of the bell.
 * Each posting is judged as by message_post; where the statement fails for the sake of one, all are run again one by
 * one, so that nobody shares another's error. All scopes have the same arena and database. */
void message_post_many(int64_t room_id, struct posting *, size_t count);

#endif
