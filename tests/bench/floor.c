/* The floor: what telling everybody costs when there is nothing but send(2). A client that asks for /publish is the
 * publisher; all others are told each of its messages, framed once, in a plain loop with one send for each. No queue,
 * no room, no limit; the handshake's answer is a constant, since wsload does not look at it. A short frame of anybody
 * else is taken for a heartbeat and answered, so that idle connections can be compared as well. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/measure.h"

enum { READ_BYTES = 256 * 1024, EVENTS_MAX = 512, CLIENTS_MAX = 65536 };

static int told[CLIENTS_MAX], told_count, publisher = -1, epoll;
static unsigned char waiting[READ_BYTES]; /* what the publisher has sent and is not complete */
static size_t waiting_len;

static int listen_on(int port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0)
        die("listen: %s", strerror(errno));
    return fd;
}

static void watch(int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void tell(const unsigned char *frame, size_t len)
{
    for (int i = 0; i < told_count; i++) {
        size_t sent = 0;
        while (sent < len) {
            ssize_t more = send(told[i], frame + sent, len - sent, MSG_NOSIGNAL);
            if (more < 0 && errno == EAGAIN)
                poll(&(struct pollfd){ .fd = told[i], .events = POLLOUT }, 1, 1000);
            else if (more < 0)
                break;
            else
                sent += (size_t)more;
        }
    }
}

/* A masked frame of the publisher becomes a frame of ours. Bytes it took, 0 while it is not complete. */
static size_t publish(const unsigned char *in, size_t len)
{
    static unsigned char frame[READ_BYTES];
    if (len < 8)
        return 0;
    size_t size = in[1] & 0x7F, head = 2;
    if (size == 126) {
        size = (size_t)in[2] << 8 | in[3];
        head = 4;
    }
    if (len < head + 4 + size)
        return 0;
    memcpy(frame, in, head);
    frame[1] &= 0x7F;
    for (size_t i = 0; i < size; i++)
        frame[head + i] = in[head + 4 + i] ^ in[head + (i & 3)];
    tell(frame, head + size);
    return head + 4 + size;
}

static void published(void)
{
    size_t used = 0, size;
    ssize_t got = recv(publisher, waiting + waiting_len, sizeof waiting - waiting_len, 0);
    if (got <= 0)
        exit(0);
    waiting_len += (size_t)got;
    while ((size = publish(waiting + used, waiting_len - used)))
        used += size;
    memmove(waiting, waiting + used, waiting_len -= used);
}

static void heard(int fd)
{
    static const char answer[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    static const char beat[] = "\x81\x3e"
                               "[null,\"9\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]";
    char bytes[4096];
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
        return;
    }
    if (memcmp(bytes, "GET ", 4) != 0) {
        if (bytes[0] == '\x81')
            send(fd, beat, sizeof beat - 1, MSG_NOSIGNAL);
        return;
    }
    if (memcmp(bytes, "GET /publish ", 13) == 0)
        publisher = fd;
    else if (told_count < CLIENTS_MAX)
        told[told_count++] = fd;
    send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS_MAX];
    int one = 1;
    arguments(argc, argv);
    int listener = listen_on((int)argument_number("port", 0));
    arguments_done();
    descriptors(64);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(listener);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    watch(fd);
                }
            } else if (fd == publisher) {
                published();
            } else {
                heard(fd);
            }
        }
    }
}
