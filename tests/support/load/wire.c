#include "tests/support/load/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must.h"

enum { READ_BYTES = 64 * 1024 };

static void want(struct wire *wire)
{
    uint32_t wanted =
        (wire->deaf ? 0 : EPOLLIN | EPOLLRDHUP) | (wire->out_sent < wire->out_len ? (uint32_t)EPOLLOUT : 0);
    struct epoll_event event = { .events = wanted, .data.ptr = wire->owner };
    if (wire->fd < 0 || wanted == wire->wanted)
        return;
    /* A hang-up is told also to those who ask for nothing: who is deaf must not be there at all. */
    int change = !wanted ? EPOLL_CTL_DEL : wire->wanted ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    must(epoll_ctl(wire->epoll, change, wire->fd, &event) == 0);
    wire->wanted = wanted;
}

static socklen_t address_of(const char *where, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (strncmp(where, "unix:", 5) == 0) {
        struct sockaddr_un *local = (struct sockaddr_un *)out;
        local->sun_family = AF_UNIX;
        snprintf(local->sun_path, sizeof local->sun_path, "%s", where + 5);
        return sizeof *local;
    }
    struct sockaddr_in *remote = (struct sockaddr_in *)out;
    const char *colon = strrchr(where, ':');
    char host[64];
    must(colon != NULL);
    snprintf(host, sizeof host, "%.*s", (int)(colon - where), where);
    remote->sin_family = AF_INET;
    remote->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    must(inet_pton(AF_INET, host, &remote->sin_addr) == 1);
    return sizeof *remote;
}

bool wire_open(struct wire *wire, const char *where, bool small)
{
    struct sockaddr_storage address;
    socklen_t len = address_of(where, &address);
    int one = 1, bytes = 4096;
    wire_close(wire);
    wire->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(wire->fd >= 0);
    if (small)
        setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (address.ss_family == AF_INET)
        setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(wire->fd, (struct sockaddr *)&address, len) != 0 && errno != EINPROGRESS) {
        close(wire->fd);
        wire->fd = -1;
        return false;
    }
    struct epoll_event event = { .events = EPOLLOUT, .data.ptr = wire->owner };
    must(epoll_ctl(wire->epoll, EPOLL_CTL_ADD, wire->fd, &event) == 0);
    wire->wanted = EPOLLOUT;
    return true;
}

void wire_close(struct wire *wire)
{
    if (wire->fd >= 0)
        close(wire->fd);
    wire->fd = -1;
    wire->deaf = false;
    wire->in_len = wire->in_from = wire->out_len = wire->out_sent = 0;
}

static void reserve(char **bytes, size_t *size, size_t needed)
{
    if (needed <= *size)
        return;
    *size = needed * 2;
    *bytes = realloc(*bytes, *size);
    must(*bytes != NULL);
}

static bool flush(struct wire *wire)
{
    while (wire->out_sent < wire->out_len) {
        ssize_t sent = send(wire->fd, wire->out + wire->out_sent, wire->out_len - wire->out_sent, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
        wire->out_sent += (size_t)sent;
    }
    wire->out_len = wire->out_sent = 0;
    return true;
}

void wire_send(struct wire *wire, const void *bytes, size_t len)
{
    if (wire->fd < 0)
        return;
    reserve(&wire->out, &wire->out_size, wire->out_len + len);
    memcpy(wire->out + wire->out_len, bytes, len);
    wire->out_len += len;
    flush(wire); /* an error shows in the next turn */
    want(wire);
}

void wire_frame(struct wire *wire, int opcode, struct text payload)
{
    unsigned char head[8] = { (unsigned char)(0x80 | opcode) }, mask[4];
    size_t len = 2;
    char *masked = malloc(payload.len + 12);
    must(masked != NULL && payload.len < 65536);
    head[1] = (unsigned char)(0x80 | (payload.len < 126 ? payload.len : 126));
    if (payload.len >= 126) {
        head[len++] = (unsigned char)(payload.len >> 8);
        head[len++] = (unsigned char)payload.len;
    }
    for (int i = 0; i < 4; i++)
        mask[i] = (unsigned char)random();
    memcpy(masked, head, len);
    memcpy(masked + len, mask, 4);
    len += 4;
    for (size_t i = 0; i < payload.len; i++)
        masked[len + i] = (char)(payload.at[i] ^ mask[i % 4]);
    wire_send(wire, masked, len + payload.len);
    free(masked);
}

static bool fill(struct wire *wire)
{
    if (wire->in_from) {
        memmove(wire->in, wire->in + wire->in_from, wire->in_len - wire->in_from);
        wire->in_len -= wire->in_from;
        wire->in_from = 0;
    }
    reserve(&wire->in, &wire->in_size, wire->in_len + READ_BYTES);
    ssize_t got = recv(wire->fd, wire->in + wire->in_len, wire->in_size - wire->in_len, 0);
    if (got > 0)
        wire->in_len += (size_t)got;
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool wire_turn(struct wire *wire, uint32_t events)
{
    bool alive = true;
    if (events & EPOLLOUT)
        alive = flush(wire);
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        alive = fill(wire) && alive;
    want(wire);
    return alive;
}

struct text wire_arrived(const struct wire *wire)
{
    return (struct text){ wire->in + wire->in_from, wire->in_len - wire->in_from };
}

void wire_take(struct wire *wire, size_t len)
{
    wire->in_from += len;
}

bool wire_next(struct wire *wire, int *opcode, struct text *payload)
{
    struct text in = wire_arrived(wire);
    const unsigned char *at = (const unsigned char *)in.at;
    size_t head = 2;
    uint64_t len;
    if (in.len < 2)
        return false;
    len = at[1] & 0x7f;
    if (len >= 126) {
        size_t bytes = len == 126 ? 2 : 8;
        if (in.len < head + bytes)
            return false;
        len = 0;
        for (size_t i = 0; i < bytes; i++)
            len = len << 8 | at[head + i];
        head += bytes;
    }
    if (in.len - head < len)
        return false;
    *opcode = at[0] & 0x0f;
    *payload = (struct text){ in.at + head, (size_t)len };
    wire_take(wire, head + (size_t)len);
    return true;
}

void wire_listen(struct wire *wire, bool listen)
{
    wire->deaf = !listen;
    want(wire);
}
