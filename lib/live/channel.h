/* What can be asked on a topic: THE table of topics and events, and what each does. No sockets: who is asked (a relay's
 * worker, later a handler's stand-in) passes a scope and takes an answer. Everything here may wait for the database. */
#ifndef CONFAB_LIVE_CHANNEL_H
#define CONFAB_LIVE_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/text.h"
#include "live/frame.h"

struct arena;
struct message;
struct scope;
struct view;

/* Most topics that one connection may be joined to. */
enum { CHANNEL_JOINS_MAX = 100 };

/* Where and what somebody asks. */
struct channel_call {
    struct text topic, event;
    const json_t *payload;
    int64_t room_id;       /* of a joined topic; 0 with phx_join */
    struct text page;      /* the ref of the asker's page (chat/presence.h); may be empty */
    struct text client_id; /* of a post that brings none: one that is the same when it is asked again; may be empty */
};

/* What came of it. With a join that was accepted, `joined`, and the room's id, counter and epoch, which the reply shows
 * as well; and who it is that is here now. */
struct channel_answer {
    const char *status;   /* "ok" or "error" */
    struct text response; /* JSON, in the scope's arena */
    bool joined;
    bool unmatched; /* no such topic for this asker: the reply has no join_ref then */
    int64_t room_id, rev;
    struct text epoch;
    int64_t user_id;  /* 0: a guest */
    struct text name; /* that a guest gave, or empty */
};

/* Is it a topic of the table at all? */
bool channel_topic_known(struct text topic);

/* Does the topic take that event, besides phx_join? The topic must be known. */
bool channel_event_known(struct text topic, struct text event);

/* Is it an event whose calls in one room are done together? */
bool channel_event_together(struct text topic, struct text event);

/* A call, who makes it, and where its answer goes. */
struct channel_item {
    const struct scope *scope;
    const struct channel_call *asked;
    struct channel_answer *answer;
};

/* Do it. Topic and event must be known (or phx_join). Several calls must be of one event that is done together, in one
 * room, and their scopes must share arena and database. */
void channel_call(const struct view *, const struct channel_item *, size_t count);

/* Answer with the error of a reason. */
void channel_refuse(struct arena *, struct channel_answer *out, const char *reason);

/* The error reply of a reason, for what never comes as far as the table. A new reference. */
json_t *channel_reason(const char *reason);

/* A changed message as the event that members of its room hear: appends the whole frame. False: it could not be
 * presented (logged). */
bool channel_event(const struct scope *, const struct view *, struct text topic, const struct message *,
                   struct buffer *out);

#endif
