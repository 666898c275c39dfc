#include "base/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/must.h"
#include "base/text.h"

enum { BACKLOG = 4096 };

static int finish(int fd, const char *where, struct arena *arena, const char **error)
{
    int saved = errno;
    if (fd >= 0 && listen(fd, BACKLOG) == 0)
        return fd;
    saved = fd >= 0 ? errno : saved;
    if (fd >= 0)
        close(fd);
    *error = arena_printf(arena, "%s: cannot listen: %s", where, strerror(saved));
    return -1;
}

/* Is somebody listening there already? */
static int answers(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int good = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static int listen_unix(const char *where, const char *path, struct arena *arena, const char **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    must(strlen(path) < sizeof address.sun_path); /* config.c checked it */
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (answers(&address)) {
        *error = arena_printf(arena, "%s: another process is listening there", where);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0117); /* 0660 from the first moment */
    unlink(path);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int saved = errno;
        close(fd);
        fd = -1;
        errno = saved;
    }
    umask(mask);
    return finish(fd, where, arena, error);
}

static int listen_inet(const char *where, struct arena *arena, const char **error)
{
    const char *colon = strrchr(where, ':');
    struct text host = { where, (size_t)(colon - where) };
    if (host.len > 2 && host.at[0] == '[') /* [::1]:8081 */
        host = (struct text){ host.at + 1, host.len - 2 };
    struct addrinfo wanted = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM },
                    *found;
    if (getaddrinfo(text_string(arena, host), colon + 1, &wanted, &found) != 0) {
        *error = arena_printf(arena, "%s: not a numeric address and port", where);
        return -1;
    }
    int one = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) != 0) {
        int saved = errno;
        close(fd);
        fd = -1;
        errno = saved;
    }
    freeaddrinfo(found);
    return finish(fd, where, arena, error);
}

int listen_on(const char *where, struct arena *arena, const char **error)
{
    if (strncmp(where, "unix:", 5) == 0)
        return listen_unix(where, where + 5, arena, error);
    return listen_inet(where, arena, error);
}
