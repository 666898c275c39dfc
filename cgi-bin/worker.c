/* Our own accept loop around libfcgi, because FCGX_Accept_r alone loses a SIGTERM that comes just before accept(),
 * aborts a request whose read a signal interrupts, and waits for ever for a peer that stops sending. FCGX_Finish_r
 * waits until the web server has closed its end too, which is only needed when something of the request was not read.
 * ipcFd and keepConnection are members of FCGX_Request that its header advises against touching; they are the same in
 * 2.4.0 to 2.4.7. */
#include "cgi-bin/worker.h"

#include <fcgiapp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "cgi-bin/ears.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/handle.h"

enum { PEER_SECONDS = 30, IDLE_MS = 15000 };

static volatile sig_atomic_t stopping;

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

bool worker_stopping(void)
{
    return stopping;
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = stop };
    must(sigaction(SIGTERM, &action, NULL) == 0 && sigaction(SIGINT, &action, NULL) == 0);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

/* Of the workers that wait, one is woken for a connection (EPOLLEXCLUSIVE), not all. */
static int watch(int listener)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
    int waiting = epoll_create1(EPOLL_CLOEXEC);
    must(waiting >= 0 && epoll_ctl(waiting, EPOLL_CTL_ADD, listener, &event) == 0);
    return waiting;
}

/* Wait for a connection. -1: there was none after all (a signal, or another worker took it); *idle: nor was there any
 * for a while. */
static int next_connection(int waiting, int listener, bool *idle)
{
    struct epoll_event ready;
    struct timeval limit = { .tv_sec = PEER_SECONDS };
    sigset_t none;
    sigemptyset(&none); /* signals come in here and nowhere else */
    int count = epoll_pwait(waiting, &ready, 1, IDLE_MS, &none);
    *idle = count == 0;
    if (count <= 0)
        return -1;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

static void finish(struct gateway *gateway)
{
    FCGX_Request *fastcgi = gateway->fastcgi;
    int connection = fastcgi->ipcFd;
    if (!gateway->answered) {
        FCGX_Finish_r(fastcgi);
    } else if (gateway_read_out(gateway)) {
        FCGX_Free(fastcgi, 0);
        close(connection);
    } else {
        FCGX_Free(fastcgi, 1); /* reads on for a while, so that the answer is not lost (RFC 9112 9.6) */
    }
}

static void serve_one(struct house *house, FCGX_Request *fastcgi, int connection)
{
    fastcgi->ipcFd = connection;
    fastcgi->keepConnection = 1; /* else FCGX_Accept_r closes the connection that it was just given */
    if (FCGX_Accept_r(fastcgi) < 0)
        return;
    struct gateway gateway = { .fastcgi = fastcgi, .variables = fastcgi->envp };
    if (gateway_variable(&gateway, "REQUEST_METHOD")
            .len) /* a request cut off in its variables is delivered as a whole one */
        handle(house, &gateway);
    finish(&gateway);
}

/* A connection that listens has to be read from, or the database keeps for it whatever is said. */
int worker_run(struct house *house, int listener, bool passing)
{
    bool served = false, idle = false;
    FCGX_Request fastcgi;
    must(FCGX_Init() == 0 && FCGX_InitRequest(&fastcgi, listener, 0) == 0);
    catch_signals(); /* after FCGX_Init, which installs its own */
    FCGX_Finish_r(&fastcgi);
    int waiting = watch(listener);
    while (!stopping && !(passing && served && idle)) {
        int connection = next_connection(waiting, listener, &idle);
        if (connection >= 0)
            serve_one(house, &fastcgi, connection);
        else if (idle)
            ears_close(house->ears);
        served = served || connection >= 0;
    }
    close(waiting);
    FCGX_Free(&fastcgi, 1);
    return 0;
}
