#include "base/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"

enum { BACKLOG = 4096, HANDED_OVER_FD = 3 };

/* systemd's protocol: LISTEN_PID is ours, LISTEN_FDS counts the descriptors from 3 on. */
static bool handed_over(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    int64_t owner, count;
    return pid && fds && text_number(text_of(pid), INT32_MAX, &owner) && owner == (int64_t)getpid() &&
           text_number(text_of(fds), 100, &count) && count == 1;
}

static bool bind_path(const char *path, int type, struct listening *out)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat there;
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode))
        unlink(path);
    out->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0117); /* 0660 from the first moment */
    bool bound = out->fd >= 0 && bind(out->fd, (struct sockaddr *)&address, sizeof address) == 0;
    umask(before);
    out->local = true;
    out->path = path;
    return bound && lstat(path, &out->made) == 0;
}

static bool bind_address(struct arena *arena, const char *where, struct listening *out)
{
    const char *colon = strrchr(where, ':');
    struct text host = { where, (size_t)(colon - where) };
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
    struct addrinfo *found = NULL;
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = (struct text){ host.at + 1, host.len - 2 };
    if (getaddrinfo(text_string(arena, host), colon + 1, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return false;
    }
    out->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (out->fd >= 0)
        setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    bool bound = out->fd >= 0 && bind(out->fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    return bound;
}

static bool take_over(struct listening *out)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    out->fd = HANDED_OVER_FD;
    fcntl(out->fd, F_SETFD, FD_CLOEXEC);
    fcntl(out->fd, F_SETFL, fcntl(out->fd, F_GETFL) | O_NONBLOCK);
    if (getsockname(out->fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    out->local = address.ss_family == AF_UNIX;
    return true;
}

bool listen_open(const char *where, struct arena *arena, struct listening *out, const char **error)
{
    bool bound;
    *out = (struct listening){ .fd = -1 };
    if (handed_over())
        bound = take_over(out);
    else if (text_starts(text_of(where), "unix:"))
        bound = bind_path(where + strlen("unix:"), SOCK_STREAM, out);
    else
        bound = bind_address(arena, where, out);
    if (bound && listen(out->fd, BACKLOG) == 0)
        return true;
    *error = arena_printf(arena, "cannot listen on %s: %s", where, strerror(errno));
    return false;
}

bool listen_datagrams(const char *where, struct listening *out)
{
    *out = (struct listening){ .fd = -1 };
    if (bind_path(where + strlen("unix:"), SOCK_DGRAM, out))
        return true;
    int saved = errno;
    if (out->fd >= 0)
        close(out->fd);
    out->fd = -1;
    errno = saved;
    return false;
}

bool listen_reached(const struct listening *listening)
{
    struct stat there;
    return listening->path && lstat(listening->path, &there) == 0 && there.st_ino == listening->made.st_ino &&
           there.st_dev == listening->made.st_dev;
}

void listen_close(struct listening *listening)
{
    if (listening->fd < 0)
        return;
    if (listen_reached(listening))
        unlink(listening->path);
    close(listening->fd);
    listening->fd = -1;
}

int listen_accept(const struct listening *listening, char out[64], struct text *address)
{
    struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof from;
    *address = TEXT("");
    int fd = accept4(listening->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 || listening->local)
        return fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    if (getnameinfo((struct sockaddr *)&from, len, out, 64, NULL, 0, NI_NUMERICHOST) == 0)
        *address = text_of(out);
    return fd;
}
