#include "cgi-bin/ears.h"

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "chat/scope.h"
#include "db/listener.h"
#include "live/cursor.h"
#include "live/mailbox.h"
#include "live/poll_presence.h"

enum { AGAIN_US = 1000000 };

struct ears {
    const char *url;
    struct listener *listener;    /* NULL: closed */
    enum listener_state state;    /* of the listener */
    int64_t dialled;              /* clock_steady of the last attempt */
    char own[CURSOR_SID_LEN + 1]; /* the name by which it rings for itself: a mailbox that nobody has */
    bool sure;
};

struct ears *ears_new(const char *url)
{
    struct ears *ears = calloc(1, sizeof *ears);
    must(ears != NULL);
    ears->url = url;
    return ears;
}

void ears_close(struct ears *ears)
{
    listener_free(&ears->listener);
    ears->sure = false;
}

void ears_free(struct ears **ears)
{
    if (!*ears)
        return;
    ears_close(*ears);
    free(*ears);
    *ears = NULL;
}

bool ears_sure(const struct ears *ears)
{
    return ears->sure;
}

static void dial(struct ears *ears)
{
    unsigned char name[CURSOR_SID_LEN * 3 / 4];
    randombytes_buf(name, sizeof name);
    sodium_bin2base64(ears->own, sizeof ears->own, name, sizeof name, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    ears->listener = listener_new(ears->url, "confab poll");
    ears->state = LISTENER_CONNECTING;
    ears->dialled = clock_steady();
}

/* Who is here has changed, in these rooms or in any. In a crowd that is always so: it is looked at now and then. */
static unsigned presence_rang(const struct cursor *cursor, struct text rooms)
{
    int64_t room;
    bool here = !rooms.len;
    poll_presence_rang();
    while (rooms.len)
        here |= text_number(text_split(&rooms, ','), INT64_MAX, &room) && cursor_find_room(cursor, room);
    return here && clock_now() / 1000000 - cursor->events >= POLL_PRESENCE_SECONDS ? EARS_NEWS : 0;
}

/* Something is new in this room, or, without a number, perhaps in any. */
static unsigned room_rang(const struct cursor *cursor, struct text payload)
{
    int64_t room;
    bool here = text_number(payload, INT64_MAX, &room) && cursor_find_room(cursor, room);
    return here || !payload.len ? EARS_NEWS : 0;
}

/* A bell, as far as it concerns the cursor. */
static unsigned judge(struct ears *ears, const struct cursor *cursor, struct text channel, struct text payload)
{
    if (text_is(channel, "confab_session"))
        return EARS_SESSIONS;
    if (text_is(channel, "confab_room"))
        return room_rang(cursor, payload);
    if (text_is(channel, "confab_presence"))
        return presence_rang(cursor, payload);
    if (!text_is(channel, "confab_mailbox"))
        return 0;
    ears->sure = ears->sure || text_is(payload, ears->own);
    return text_is(payload, cursor->sid) ? EARS_NEWS : 0;
}

static unsigned hear(struct ears *ears, const struct cursor *cursor)
{
    struct heard bell;
    unsigned heard = 0;
    while (listener_next(ears->listener, &bell))
        heard |= judge(ears, cursor, bell.channel, bell.payload);
    return heard;
}

/* Go on with the listener. What happened before it listened has to be looked for. scope may be NULL: then it does not
 * ring for itself. */
static unsigned step(struct ears *ears, const struct scope *scope, const struct cursor *cursor)
{
    enum listener_state before = ears->state;
    ears->state = listener_step(ears->listener);
    if (ears->state == LISTENER_BROKEN) {
        ears_close(ears);
        return 0;
    }
    if (ears->state != LISTENER_LISTENING)
        return 0;
    if (before == LISTENER_LISTENING)
        return hear(ears, cursor);
    mailbox_ring(scope, ears->own);
    return hear(ears, cursor) | EARS_NEWS | EARS_SESSIONS;
}

/* A connection that is left half made by one poll is finished by the next. */
void ears_open(struct ears *ears)
{
    static const struct cursor none;
    if (ears->listener && ears->state == LISTENER_LISTENING)
        (void)step(ears, NULL, &none);
    if (!ears->listener && clock_steady() - ears->dialled > AGAIN_US)
        dial(ears);
}

static short events_of(struct listener_wants wants)
{
    return (short)((wants.readable ? POLLIN : 0) | (wants.writable ? POLLOUT : 0));
}

static int64_t earliest(const struct ears *ears, int64_t until)
{
    int64_t again = ears->listener ? INT64_MAX : ears->dialled + AGAIN_US;
    return again < until ? again : until;
}

static struct timespec time_left(int64_t until)
{
    int64_t left = until - clock_steady();
    if (left < 0)
        left = 0;
    return (struct timespec){ .tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000 };
}

/* Signals come in while it waits, and nowhere else. False: one came. */
static bool wait_once(struct ears *ears, const struct scope *scope, const struct cursor *cursor, int client,
                      int64_t until, unsigned *heard)
{
    struct listener_wants wants = { .fd = -1 };
    struct timespec left = time_left(earliest(ears, until));
    sigset_t none;
    sigemptyset(&none);
    if (ears->listener)
        wants = listener_wants(ears->listener);
    struct pollfd fds[] = { { .fd = client, .events = POLLRDHUP }, { .fd = wants.fd, .events = events_of(wants) } };
    int ready = ppoll(fds, 2, &left, &none);
    if (ready < 0)
        return false;
    if (fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL))
        *heard |= EARS_GONE;
    if (fds[1].revents)
        *heard |= step(ears, scope, cursor);
    return true;
}

unsigned ears_wait(struct ears *ears, const struct scope *scope, const struct cursor *cursor, int client, int64_t until)
{
    unsigned heard = 0;
    bool sure = ears->sure;
    while (!heard && ears->sure == sure && clock_steady() < until) {
        if (!ears->listener)
            ears_open(ears);
        if (!wait_once(ears, scope, cursor, client, until, &heard))
            break;
    }
    return heard;
}
