/* Messages, and reading them. Posting is in posting.h. */
#ifndef CONFAB_CHAT_MESSAGE_H
#define CONFAB_CHAT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"

struct rows;
struct scope;

/* How many a page shows, how many are caught up with at most (INTERFACE, Live and Pages). */
enum { MESSAGE_LATEST = 20, MESSAGE_PAGE = 50, MESSAGE_CATCH_UP = 500 };

struct message {
    int64_t id;
    int64_t seq; /* its place, for ever */
    int64_t rev; /* the room's counter at its latest change */
    int64_t room_id;
    struct text room;                            /* slug */
    struct text name;                            /* as it was when posted; empty when deleted */
    struct text message;                         /* empty when deleted */
    int64_t user_id;                             /* 0: a guest's, or the operator's */
    struct text userid, user_name, user_picture; /* of the account, today; empty without one */
    struct text guest;                           /* public id; empty for others */
    struct text client_id;                       /* empty when it had none */
    int64_t inserted_at, edited_at;              /* microseconds since 1970; 0: never edited */
    bool deleted;
};

struct messages {
    struct message *items;
    size_t count;
    int64_t revoked; /* of message_changed, if there are any: the counter of ended sessions in the same snapshot */
};

/* The last `most` messages of a room, oldest first. */
enum outcome message_latest(const struct scope *, int64_t room_id, int most, struct messages *out)
    __attribute__((warn_unused_result));

/* The last `most` before a place, oldest first. */
enum outcome message_before(const struct scope *, int64_t room_id, int64_t seq, int most, struct messages *out)
    __attribute__((warn_unused_result));

/* At most `most` messages that are new or changed since the counter was rev, in order of rev. */
enum outcome message_changed(const struct scope *, int64_t room_id, int64_t rev, int most, struct messages *out)
    __attribute__((warn_unused_result));

/* What the asker posted with that client_id. */
enum outcome message_by_client_id(const struct scope *, struct text client_id, struct message *out)
    __attribute__((warn_unused_result));

/* Decode a row whose columns are those that sql/queries/message.sql defines. */
void message_from_row(const struct rows *, int row, struct message *out);

/* One message of a room. */
enum outcome message_find(const struct scope *, struct text slug, int64_t id, struct message *out)
    __attribute__((warn_unused_result));

#endif
