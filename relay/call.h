/* What a peer asks that has to wait for the database: a call goes to a worker and comes back answered. Calls of an
 * event that is done together (lib/live/channel.h) wait for each other by room: one batch per room is out at a time,
 * and what comes meanwhile is the next one. So a burst costs one commit, a lone post waits for nobody, and a room whose
 * row is locked holds up no other. Loop thread only, but for call_work's part. */
#ifndef CONFAB_RELAY_CALL_H
#define CONFAB_RELAY_CALL_H

#include <stdint.h>

#include <jansson.h>

#include "live/channel.h"
#include "live/frame.h"
#include "relay/presence.h"

struct broadcast;
struct hub_member;
struct peer;
struct relay;

/* A message that waits for its turn. */
struct message_in {
    struct message_in *next; /* of a ring, while it waits */
    struct frame frame;
    uint32_t bytes; /* at most limits.body */
};

void message_in_free(struct message_in *);

struct call {
    struct call *next;
    struct peer *peer; /* busy, so it is there until call_done */
    struct message_in *in;
    struct channel_call asked;
    struct hub_member *joining; /* with phx_join: the pending member. Gone when the peer is not open any more */
    json_t *join_ref;           /* of the member */
    json_t *replaced;           /* join_ref of the member that this join replaced, or NULL */
    struct channel_answer answer;
    struct broadcast *reply;      /* the whole frame */
    char page[PRESENCE_REF_SIZE]; /* of the member, for asked; may be empty */
    const char *ended;            /* the member's session does not hold any more: why; else NULL */
};

/* A call of the peer, which is busy from now on; takes the message, and references of its own to the two refs. */
struct call *call_new(struct peer *, struct message_in *, int64_t room_id, json_t *join_ref)
    __attribute__((warn_unused_result, returns_nonnull));

/* Hand it over. It comes back to phoenix_answered, once, and is freed after that. */
void call_submit(struct call *);

/* At the end of a turn: send off the batches of rooms that have none out. */
void call_turn(struct relay *);

struct calls;
struct calls *calls_new(void) __attribute__((warn_unused_result, returns_nonnull));
/* No jobs may be out. */
void calls_free(struct calls **);

#endif
