/* confab.fcgi: pages and forms. As FastCGI on a listening socket that is its standard input, or on one of its own
 * (`serve`); else as plain CGI, one request and out. */
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/listen.h"
#include "base/log.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/handle.h"
#include "cgi-bin/prefork.h"
#include "cgi-bin/worker.h"
#include "db/db.h"
#include "web/view.h"

extern char **environ;

static int fail(const char *sentence)
{
    fprintf(stderr, "confab.fcgi: %s\n", sentence);
    return 1;
}

/* What every worker has of its own; config and view are the master's, never changed. */
static void furnish(struct house *house)
{
    house->arena = arena_new();
    house->db = db_new(house->config->database_url, "confab handler");
}

static void clear_out(struct house *house)
{
    db_free(&house->db);
    arena_free(&house->arena);
}

static int run_worker(void *context, int listener)
{
    struct house *house = context;
    furnish(house);
    int status = worker_run(house, listener);
    clear_out(house);
    return status;
}

static int serve(struct house *house, int listener)
{
    int64_t count = house->config->handler_workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (count == 0)
        count = 2 * (cores > 0 ? cores : 1);
    if (fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK) < 0)
        return fail(strerror(errno));
    log_event(LOG_INFO, "serving", LOG_N("workers", count), LOG_S("site", house->config->site_url));
    return prefork((int)count, listener, run_worker, house);
}

static int serve_own(struct house *house, struct arena *arena)
{
    const char *error = NULL;
    struct listening listening;
    if (!listen_open(house->config->handler_listen, arena, &listening, &error))
        return fail(error);
    int status = serve(house, listening.fd);
    listen_close(&listening);
    return status;
}

static int answer_once(struct house *house)
{
    struct gateway gateway = { .variables = environ };
    if (!gateway_variable(&gateway, "REQUEST_METHOD").len) {
        fprintf(stderr,
                "usage: confab.fcgi serve    listen on handler.listen\n"
                "       confab.fcgi          as FastCGI on standard input, or as CGI; a web server starts it so\n");
        return 2;
    }
    furnish(house);
    handle(house, &gateway);
    clear_out(house);
    return 0;
}

static int run(int argc, char **argv, struct house *house, struct arena *arena)
{
    const char *error = NULL;
    struct view *view;
    house->config = config_load(arena, NULL, &error);
    if (!house->config)
        return fail(error);
    if (house->config->key_count == 0)
        return fail("session.keys: required: a name, a colon, and 32 random bytes in base64url");
    house->view = view = view_load(arena_printf(arena, "%s/views", house->config->site_data), arena, &error);
    if (!view)
        return fail(error);
    bool own = argc == 2 && strcmp(argv[1], "serve") == 0;
    int status = own ? serve_own(house, arena) : FCGX_IsCGI() ? answer_once(house) : serve(house, STDIN_FILENO);
    view_free(&view);
    return status;
}

int main(int argc, char **argv)
{
    log_open("handler", LOG_INFO);
    if (sodium_init() < 0)
        return fail("libsodium cannot be used here");
    if (argc > 2 || (argc == 2 && strcmp(argv[1], "serve") != 0))
        return fprintf(stderr, "usage: confab.fcgi [serve]\n"), 2;
    struct arena *arena = arena_new();
    struct house house = { 0 };
    int status = run(argc, argv, &house, arena);
    arena_free(&arena);
    return status;
}
