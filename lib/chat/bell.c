#include "chat/bell.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"

enum { AGAIN_US = 1000000, STUCK_US = 200000 };

struct bell {
    struct sockaddr_un address;
    int fd;        /* connected, or -1 */
    int64_t tried; /* clock_steady of the last time that nobody was there; 0: not tried yet */
    int64_t since; /* clock_steady, of the first ring that was not seen to be read */
};

struct bell *bell_new(const char *where)
{
    if (!*where)
        return NULL;
    struct bell *bell = calloc(1, sizeof *bell);
    const char *path = where + strlen("unix:");
    must(bell != NULL && strlen(path) < sizeof bell->address.sun_path); /* config.c has looked */
    memcpy(bell->address.sun_path, path, strlen(path));
    bell->address.sun_family = AF_UNIX;
    bell->fd = -1;
    return bell;
}

static void take_down(struct bell *bell)
{
    if (bell->fd >= 0)
        close(bell->fd);
    bell->fd = -1;
    bell->tried = clock_steady();
}

void bell_free(struct bell **bell)
{
    if (!*bell)
        return;
    take_down(*bell);
    free(*bell);
    *bell = NULL;
}

static bool hang_up(struct bell *bell)
{
    bell->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bell->since = clock_steady();
    if (bell->fd >= 0 && connect(bell->fd, (struct sockaddr *)&bell->address, sizeof bell->address) == 0)
        return true;
    take_down(bell);
    return false;
}

/* What was rung lies there unread: it has been stopped, or hangs. */
static bool stuck(struct bell *bell)
{
    int unread = 0;
    int64_t now = clock_steady();
    if (ioctl(bell->fd, SIOCOUTQ, &unread) != 0 || unread == 0)
        bell->since = now;
    return now - bell->since > STUCK_US;
}

bool bell_there(struct bell *bell)
{
    if (!bell)
        return false;
    if (bell->fd >= 0)
        return !stuck(bell);
    return (!bell->tried || clock_steady() - bell->tried >= AGAIN_US) && hang_up(bell);
}

static void write_number(unsigned char bytes[BELL_BYTES], int64_t number)
{
    for (int i = 0; i < BELL_BYTES; i++)
        bytes[i] = (unsigned char)((uint64_t)number >> (8 * (BELL_BYTES - 1 - i)));
}

static bool put(const struct bell *bell, int64_t room)
{
    unsigned char bytes[BELL_BYTES];
    write_number(bytes, room);
    return send(bell->fd, bytes, sizeof bytes, MSG_NOSIGNAL) == (ssize_t)sizeof bytes;
}

/* A relay that was replaced has another socket at the same path. A full one is left as it is: it will be read. */
bool bell_ring(struct bell *bell, int64_t room)
{
    if (!bell_there(bell))
        return false;
    if (put(bell, room))
        return true;
    if (errno == EAGAIN)
        return false;
    take_down(bell);
    if (!hang_up(bell))
        return false;
    if (put(bell, room))
        return true;
    take_down(bell);
    return false;
}

bool bell_read(const unsigned char *bytes, size_t len, int64_t *room)
{
    uint64_t number = 0;
    if (len != BELL_BYTES)
        return false;
    for (size_t i = 0; i < BELL_BYTES; i++)
        number = number << 8 | bytes[i];
    if (number == 0 || number > INT64_MAX)
        return false;
    *room = (int64_t)number;
    return true;
}
