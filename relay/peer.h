/* One client: its descriptor, the queue of what it is to get, and how it ends. What is said on the connection is in
 * phoenix.h, or for what is no WebSocket in held.h; how it began in welcome.h. Loop thread only. */
#ifndef CONFAB_RELAY_PEER_H
#define CONFAB_RELAY_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "relay/head.h"
#include "relay/outbox.h"
#include "relay/websocket.h"

struct broadcast;
struct held;
struct hub_member;
struct live_session;
struct relay;

/* Milliseconds. */
enum {
    PEER_HEAD_MS = 10000,   /* for the whole handshake */
    PEER_PING_MS = 15000,   /* silent so long: pinged */
    PEER_SILENT_MS = 25000, /* silent so long: closed */
    PEER_BEAT_MS = 20000,   /* both are later by this for who sends heartbeats: a stock client does every 30 seconds */
    PEER_STALL_MS = 15000,  /* took nothing of its queue so long: closed */
    PEER_FOLLOW_MS = 500,   /* took nothing of its queue so long: not waited for */
    PEER_LINGER_MS = 2000,  /* for the client's part of a close */
};

/* Pings of one client: so many a second on average, so many at once. */
enum { PEER_PINGS_PER_SECOND = 20, PEER_PINGS_AT_ONCE = 100 };

enum { PEER_GUEST_SIZE = 17 }; /* a public id of a guest, and its end */

/* In this order; there is no way back. */
enum peer_state {
    PEER_HEAD,    /* the request is arriving */
    PEER_BODY,    /* and its body */
    PEER_JUDGED,  /* its credentials are being verified */
    PEER_OPEN,    /* a WebSocket */
    PEER_HELD,    /* something else that is held open */
    PEER_CLOSING, /* the last bytes are on their way; what still arrives is thrown away */
    PEER_DEAD,    /* freed when the turn ends, or when its job comes back */
};

/* A request head that is arriving. */
struct peer_head {
    size_t len;
    char bytes[HEAD_BYTES_MAX];
};

/* Most are idle, and there are many: times are in milliseconds of relay_now cut to 32 bits (differences of them are
 * right for 49 days), what is seldom there is made when it is needed. What a broadcast looks at stands first. */
struct peer {
    struct relay *relay;
    int fd;
    uint8_t state;   /* enum peer_state */
    uint8_t watched; /* the events that are waited for (watch.h) */
    bool in_flush : 1, in_end : 1;
    bool pinged : 1;
    bool beats : 1;    /* has sent heartbeats */
    bool shut : 1;     /* our half is closed */
    bool goodbye : 1;  /* the client has said its part of the close */
    bool leaving : 1;  /* ends with 1012 as soon as nothing is in work */
    bool seated : 1;   /* has a place among relay.max_peers */
    bool welcomed : 1; /* its beginning was logged, and its end is to be */
    bool answered : 1; /* ends with an answer in HTTP */
    bool counted : 1;  /* among the connections of its address */
    struct outbox out;
    struct hub_member *members;     /* newest first */
    struct live_session *session;   /* of a member; NULL for a guest */
    struct held *held;              /* what it is, if no WebSocket; NULL when it ends */
    uint32_t since, heard, stalled; /* the beginning, the last sign of life, ... */
    union {
        uint32_t pings_until; /* while it is open: the time that its pings so far would take at the average */
        uint32_t closing;     /* since when it is */
    };
    struct websocket socket;
    struct peer_head *head; /* until it is judged */
    const char *address;    /* from where; kept by relay.addresses */

    struct {
        struct message_in *last; /* whose next is the first: a ring */
        uint32_t bytes, count;
    } inbox;                     /* waits for the job before it */
    int64_t together;            /* the jobs are posts to this room, which others may follow; or 0 */
    const char *reason;          /* it ended with, for the log */
    int16_t code;                /* likewise */
    uint16_t busy;               /* jobs of it that are out: the peer must not be freed */
    uint32_t expires_at;         /* of a guest's token, seconds since 1970; 0: it came without one */
    uint32_t id;                 /* for the log */
    char guest[PEER_GUEST_SIZE]; /* who it was found to be in the handshake; empty: nobody yet */
};

/* The measure is 512 bytes for an idle connection with its member and its page, all told: with the eight of malloc this
 * is the most that fits into 192. */
_Static_assert(sizeof(struct peer) <= 184, "a peer has grown");

/* Take a connection. The descriptor is the peer's from now on. address is empty for a unix socket. */
void peer_new(struct relay *, int fd, struct text address);

/* Queue something that belongs to the conversation; it is sent when the turn ends. Shares the broadcast. Peers that are
 * closing or dead get nothing. */
void peer_send(struct peer *, struct broadcast *);

/* The same, but it is sent at once, where nothing waits before it: cheaper, if it is all that comes in this turn. */
void peer_send_now(struct peer *, struct broadcast *);

/* The same for what others caused: a peer for which more than relay.peer_queue of that would wait is closed with 1008
 * instead. Answers do not count: one that catches up with a busy room is longer than that by itself, and is bounded by
 * peers whose queue is long not being read. */
void peer_tell(struct peer *, struct broadcast *);

/* Forget what is queued, except for a frame that is half written. */
void peer_drop(struct peer *);

/* Send a close frame behind what is queued, then close. */
void peer_end(struct peer *, int code, const char *reason);

/* The same, but what is queued is dropped, except for a frame that is half written. */
void peer_cut(struct peer *, int code, const char *reason);

/* Send these bytes (an answer in HTTP), then close; code is its status. */
void peer_answer(struct peer *, struct text bytes, int code, const char *reason);

/* Queue this for a peer that is held. False: more than relay.peer_queue of what others caused would wait; it was not
 * queued. */
bool peer_add(struct peer *, struct broadcast *) __attribute__((warn_unused_result));

/* Drop what is queued, but for what is half sent. The rev that that tells of, or 0. */
int64_t peer_take_back(struct peer *);

/* Send this to a peer that is held, and close; what was queued goes before it. */
void peer_finish(struct peer *, struct broadcast *last, int code, const char *reason);

/* Milliseconds that it has taken nothing of its queue; 0 when there is none. */
uint32_t peer_stalled(const struct peer *);

/* Is there no room in its queue for so many bytes more of what others caused, although it takes what it is sent? */
bool peer_behind(const struct peer *, size_t bytes);

/* Count it among the connections of its address. False: there are so many already. */
bool peer_count(struct peer *, size_t most) __attribute__((warn_unused_result));

/* Is it a WebSocket, or held open as something else? */
static inline bool peer_established(const struct peer *peer)
{
    return peer->state == PEER_OPEN || peer->state == PEER_HELD;
}

/* Has it sent anything behind its request already? */
bool peer_impatient(const struct peer *);

/* It has been judged to be a WebSocket: send the answer and read frames from now on. */
void peer_open(struct peer *, struct text answer);

/* End it with 1012 as soon as nothing of it is in work. */
void peer_leave(struct peer *);

/* Nothing of it is in work any more: what waited for that happens now. */
void peer_idle(struct peer *);

/* A job of it came back: free it when the turn ends, if it is dead. */
void peer_settled(struct peer *);

/* No more can be read for now, or again: call when inbox or queue changed. */
void peer_update(struct peer *);

/* For the relay's watch: the context is the peer. */
void peer_ready(void *context, int events);

/* Silence, stalls, time limits. When to look at it again. */
uint32_t peer_tick(struct peer *);

/* The relay has not run for so many milliseconds (it or its machine was stopped): they are no silence of the peer. */
void peer_excuse(struct peer *, uint32_t ms);

/* The connection is of no use any more: nothing is said. */
void peer_die(struct peer *);

/* The end of the turn: send what is queued; free what ended. */
void peer_flush_all(struct relay *);
void peer_free_ended(struct relay *);

#endif
