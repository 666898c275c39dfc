/* A small proxy between a program and Postgres, to break what is between them. It says its port in a line, and obeys
 * lines:
 *
 *     pass    everything flows
 *     hole    nothing flows, in neither direction, and nothing is closed; what is sent waits, as TCP's retransmissions
 *             do, and goes on with `pass`. New connections are taken and left waiting
 *     lose    the same, but the connections of now never flow again, as if the other side had forgotten them
 *     cut     all connections are closed, and new ones at once, until `pass`
 *     late N  everything flows, but for the N-th answer from now on, on the connection that has the first of them;
 *             that, and what comes behind it, waits for `pass`. What is received at once is taken for an answer
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must.h"

enum { PAIRS = 256, BYTES = 64 * 1024 };
enum mode { PASS, HOLE, CUT };

struct pair {
    int fd[2]; /* the program's, and Postgres'; -1: free */
    bool lost;
    bool late; /* what Postgres says waits */
    struct pipe {
        char bytes[BYTES];
        size_t from, to;
    } pipe[2]; /* what came from each */
};

static struct pair *pairs[PAIRS];
static enum mode mode;
static const char *target;
static int listener;
static long late_in; /* answers */
static const struct pair *late_on;

static void drop(int i)
{
    close(pairs[i]->fd[0]);
    close(pairs[i]->fd[1]);
    if (late_on == pairs[i])
        late_on = NULL;
    free(pairs[i]);
    pairs[i] = NULL;
}

static int connect_target(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", target);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static void take(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), other = -1, i = 0, one = 1;
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* as Postgres itself does */
    while (i < PAIRS && pairs[i])
        i++;
    if (mode == CUT || i == PAIRS || (other = connect_target()) < 0) {
        close(fd);
        return;
    }
    pairs[i] = calloc(1, sizeof *pairs[i]);
    must(pairs[i] != NULL);
    pairs[i]->fd[0] = fd;
    pairs[i]->fd[1] = other;
}

/* Something came from Postgres: is it what is to be late? */
static void count_answer(struct pair *pair)
{
    if (!late_in || (late_on && late_on != pair))
        return;
    late_on = pair;
    pair->late = --late_in == 0;
    if (pair->late)
        late_on = NULL;
}

/* From one side to the other; false when one of them has closed. */
static bool move(struct pair *pair, int from)
{
    struct pipe *pipe = &pair->pipe[from];
    if (from == 1 && pair->late)
        return true;
    if (pipe->from == pipe->to) {
        ssize_t got = recv(pair->fd[from], pipe->bytes, BYTES, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        pipe->from = 0;
        pipe->to = got > 0 ? (size_t)got : 0;
        if (got > 0 && from == 1)
            count_answer(pair);
    }
    if (pipe->from < pipe->to && !(from == 1 && pair->late)) {
        ssize_t sent =
            send(pair->fd[!from], pipe->bytes + pipe->from, pipe->to - pipe->from, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return false;
        pipe->from += sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool obey(void)
{
    char line[64];
    ssize_t len = read(STDIN_FILENO, line, sizeof line - 1);
    if (len <= 0)
        return false;
    line[len] = '\0';
    late_in = strncmp(line, "late ", 5) == 0 ? strtol(line + 5, NULL, 10) : 0;
    late_on = NULL;
    mode = strstr(line, "pass") || late_in ? PASS : strstr(line, "cut") ? CUT : HOLE;
    for (int i = 0; i < PAIRS; i++) {
        if (pairs[i] && mode == PASS)
            pairs[i]->late = false;
        if (pairs[i] && mode == CUT)
            drop(i);
        else if (pairs[i] && strstr(line, "lose"))
            pairs[i]->lost = true;
    }
    printf("done\n");
    return true;
}

static short wanted(const struct pair *pair, int side)
{
    const struct pipe *in = &pair->pipe[side], *out = &pair->pipe[!side];
    bool more = in->from == in->to && !(side == 1 && pair->late);
    bool rest = out->from < out->to && !(side == 0 && pair->late);
    return (short)((more ? POLLIN : 0) | (rest ? POLLOUT : 0));
}

static void turn(void)
{
    struct pollfd ready[2 + 2 * PAIRS] = { { .fd = STDIN_FILENO, .events = POLLIN },
                                           { .fd = listener, .events = POLLIN } };
    int index[2 + 2 * PAIRS], count = 2;
    for (int i = 0; i < PAIRS; i++)
        for (int side = 0; pairs[i] && mode == PASS && !pairs[i]->lost && side < 2; side++) {
            bool ignored = side == 1 && pairs[i]->late; /* also if it has closed */
            ready[count] = (struct pollfd){ .fd = ignored ? -1 : pairs[i]->fd[side], .events = wanted(pairs[i], side) };
            index[count++] = i;
        }
    if (poll(ready, (nfds_t)count, -1) < 0)
        return;
    for (int at = 2; at < count; at++) {
        int i = index[at];
        if (ready[at].revents && pairs[i] && !(move(pairs[i], 0) && move(pairs[i], 1)))
            drop(i);
    }
    if (ready[1].revents)
        take();
    if (ready[0].revents && !obey())
        exit(0);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof address;
    must(argc == 2);
    target = argv[1];
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 64) == 0);
    must(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    printf("port %d\n", ntohs(address.sin_port));
    for (;;)
        turn();
}
