#include "relay/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/must.h"
#include "relay/broadcast.h"

enum { SEND_PARTS = 64, GROWN_SIZE = 4 };

static struct broadcast **item(struct outbox *out, unsigned at)
{
    return out->size ? &out->items[(out->first + at) % out->size] : &out->one;
}

static void forget_places(struct outbox *out)
{
    if (out->size)
        free(out->items);
    out->one = NULL;
    out->size = 0;
}

/* Room for one more. */
static void grow(struct outbox *out)
{
    unsigned size = out->size ? out->size * 2 : GROWN_SIZE;
    struct broadcast **items = calloc(size, sizeof(struct broadcast *));
    must(items != NULL);
    for (unsigned i = 0; i < out->count; i++)
        items[i] = *item(out, i);
    forget_places(out);
    out->items = items;
    out->size = size;
    out->first = 0;
}

static void count(struct outbox *out, const struct broadcast *added)
{
    must(added->len <= UINT32_MAX - out->bytes); /* its owner bounds it far below */
    out->bytes += (uint32_t)added->len;
    out->told += added->rev ? (uint32_t)added->len : 0;
}

static void discount(struct outbox *out, const struct broadcast *removed)
{
    out->bytes -= (uint32_t)removed->len;
    out->told -= removed->rev ? (uint32_t)removed->len : 0;
}

void outbox_add(struct outbox *out, struct broadcast *broadcast)
{
    if (out->count >= (out->size ? out->size : 1))
        grow(out);
    *item(out, out->count++) = broadcast_share(broadcast);
    count(out, broadcast);
}

/* The memory of a queue that was long is given back with the last of it. */
static void drop_first(struct outbox *out)
{
    struct broadcast **first = item(out, 0);
    discount(out, *first);
    broadcast_release(first);
    out->sent = 0;
    out->count--;
    if (!out->count)
        forget_places(out);
    else if (out->size)
        out->first = (out->first + 1) % out->size;
}

static void took_bytes(struct outbox *out, size_t bytes)
{
    bytes += out->sent;
    out->sent = 0;
    while (out->count && bytes >= (*item(out, 0))->len) {
        bytes -= (*item(out, 0))->len;
        drop_first(out);
    }
    out->sent = (uint32_t)bytes;
}

/* As much of the queue as one call can carry; what was sent, or -1. */
static ssize_t send_once(struct outbox *out, int fd, size_t *asked)
{
    struct iovec parts[SEND_PARTS];
    const struct broadcast *only = *item(out, 0);
    if (out->count == 1) { /* the most frequent, and the cheaper call */
        *asked = only->len - out->sent;
        return send(fd, only->bytes + out->sent, *asked, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    unsigned count = out->count < SEND_PARTS ? out->count : SEND_PARTS;
    *asked = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t skip = i == 0 ? out->sent : 0;
        parts[i] = (struct iovec){ (*item(out, i))->bytes + skip, (*item(out, i))->len - skip };
        *asked += parts[i].iov_len;
    }
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = count };
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool outbox_send_one(struct outbox *out, int fd, struct broadcast *broadcast)
{
    must(out->count == 0);
    ssize_t sent = send(fd, broadcast->bytes, broadcast->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)broadcast->len)
        return true;
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return false;
    outbox_add(out, broadcast);
    out->sent = sent > 0 ? (uint32_t)sent : 0;
    return true;
}

bool outbox_send(struct outbox *out, int fd, bool *took)
{
    *took = false;
    while (out->count) {
        size_t asked;
        ssize_t sent = send_once(out, fd, &asked);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        *took = *took || sent > 0;
        took_bytes(out, (size_t)sent);
        if ((size_t)sent < asked)
            return true;
    }
    return true;
}

static void drop_last(struct outbox *out)
{
    struct broadcast **last = item(out, --out->count);
    discount(out, *last);
    broadcast_release(last);
}

/* In the place of several frames of which one is half sent: its rest. */
static void keep_rest(struct outbox *out)
{
    struct broadcast **first = item(out, 0);
    struct text rest = { (*first)->bytes + out->sent, broadcast_frame_rest(*first, out->sent) };
    struct broadcast *kept = broadcast_raw(rest);
    drop_first(out);
    if (rest.len)
        outbox_add(out, kept);
    broadcast_release(&kept);
}

void outbox_cut(struct outbox *out)
{
    unsigned kept = out->sent ? 1 : 0;
    while (out->count > kept)
        drop_last(out);
    if (kept && (*item(out, 0))->joined)
        keep_rest(out);
}

int64_t outbox_last_rev(const struct outbox *out)
{
    if (!out->count)
        return 0;
    return (out->size ? out->items[(out->first + out->count - 1) % out->size] : out->one)->rev;
}

void outbox_free(struct outbox *out)
{
    while (out->count)
        drop_last(out);
    forget_places(out);
    *out = (struct outbox){ .count = 0 };
}
