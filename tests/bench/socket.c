#include "tests/bench/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/measure.h"

static int connect_path(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        die("%s: %s", path, strerror(errno));
    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("%s: %s", path, strerror(errno));
    return fd;
}

static struct sockaddr_in loopback(const char *address)
{
    char host[32];
    int port;
    struct sockaddr_in out = { .sin_family = AF_INET };
    if (sscanf(address, "%31[0-9.]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &out.sin_addr) != 1 ||
        ntohl(out.sin_addr.s_addr) >> 24 != 127)
        die("%s is no address of the loopback", address);
    out.sin_port = htons((uint16_t)port);
    return out;
}

int socket_connect(const char *address, int source, bool wait)
{
    if (address[0] == '/')
        return connect_path(address);
    struct sockaddr_in to = loopback(address);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (source) {
        struct sockaddr_in from = { .sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(0x7F000001u | (uint32_t)source << 8) };
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
            die("bind: %s", strerror(errno));
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        die("%s: %s", address, strerror(errno));
    return fd;
}

void socket_write(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd wait = { .fd = fd, .events = POLLOUT };
            poll(&wait, 1, 1000);
            continue;
        }
        if (sent < 0)
            return; /* the reader finds the end of the connection */
        bytes += sent;
        len -= (size_t)sent;
    }
}

int socket_request(char *out, size_t size, const char *host, const char *path)
{
    return snprintf(out, size,
                    "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: Y29uZmFiIGJlbmNobWFyaw==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                    path, host);
}

void socket_frame(int fd, int opcode, const char *payload, size_t len)
{
    static const unsigned char mask[4] = { 0x5A, 0x17, 0xC3, 0x88 };
    unsigned char *frame = zeroed(len + 8, 1);
    size_t head = len < 126 ? 2 : 4;
    if (len > 65535)
        die("a frame of %zu bytes", len);
    frame[0] = (unsigned char)(0x80 | opcode);
    frame[1] = (unsigned char)(0x80 | (len < 126 ? len : 126));
    if (len >= 126) {
        frame[2] = (unsigned char)(len >> 8);
        frame[3] = (unsigned char)len;
    }
    memcpy(frame + head, mask, 4);
    for (size_t i = 0; i < len; i++)
        frame[head + 4 + i] = (unsigned char)((unsigned char)payload[i] ^ mask[i & 3]);
    socket_write(fd, (const char *)frame, head + 4 + len);
    free(frame);
}

size_t socket_frame_read(const char *bytes, size_t len, int *opcode, const char **payload, size_t *payload_len)
{
    const unsigned char *head = (const unsigned char *)bytes;
    size_t size = 2;
    if (len < 2)
        return 0;
    uint64_t wanted = head[1] & 0x7F;
    int more = wanted == 126 ? 2 : wanted == 127 ? 8 : 0;
    if (len < 2 + (size_t)more)
        return 0;
    if (more)
        wanted = 0;
    for (int i = 0; i < more; i++)
        wanted = wanted << 8 | head[size++];
    if (len - size < wanted)
        return 0;
    *opcode = head[0] & 0xF;
    *payload = bytes + size;
    *payload_len = (size_t)wanted;
    return size + (size_t)wanted;
}
