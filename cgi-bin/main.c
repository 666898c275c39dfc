/* confab.fcgi: pages and forms, and the long poll where no relay answers it. As FastCGI on a listening socket that is
 * its standard input, or on ones of its own (`serve`); else as plain CGI, one request and out. Polls that are held have
 * a pool and a socket of their own, so that they never keep a page waiting: `serve` runs both pools, `polls` that one
 * alone. */
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/listen.h"
#include "base/log.h"
#include "cgi-bin/ears.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/handle.h"
#include "cgi-bin/lines.h"
#include "cgi-bin/page.h"
#include "cgi-bin/places.h"
#include "cgi-bin/prefork.h"
#include "cgi-bin/worker.h"
#include "chat/bell.h"
#include "db/db.h"
#include "web/view.h"

extern char **environ;

static int fail(const char *sentence)
{
    fprintf(stderr, "confab.fcgi: %s\n", sentence);
    return 1;
}

/* Beyond the polls that are held there are always two who answer what need not wait, and refuse what is too much. */
enum { SPARE = 2, POOLS_MAX = 2 };

/* What every worker has of its own; config and view are the master's, never changed. */
static void furnish(struct house *house)
{
    house->arena = arena_new();
    house->site = page_site(house->config, house->arena);
    house->db = db_new(house->config->database_url, "confab handler");
    house->bell = bell_new(house->config->relay_bell);
    house->ears = ears_new(house->config->database_listen_url);
}

static void clear_out(struct house *house)
{
    ears_free(&house->ears);
    bell_free(&house->bell);
    db_free(&house->db);
    json_decref(house->site);
    lines_forget();
    arena_free(&house->arena);
}

static int run_pages(void *context, int listener)
{
    struct house *house = context;
    furnish(house);
    int status = worker_run(house, listener, false);
    clear_out(house);
    return status;
}

static int run_polls(void *context, int listener)
{
    struct house *house = context;
    prctl(PR_SET_NAME, "confab.polls");
    furnish(house);
    int status = worker_run(house, listener, true);
    clear_out(house);
    return status;
}

static int polls_wanted(void *context)
{
    const struct house *house = context;
    int taken = places_taken(house->places), most = (int)house->config->handler_polls;
    return SPARE + (taken < most ? taken : most);
}

/* A front end that sends polls to the pages all the same keeps no more than half of them waiting. */
static struct pool pages_pool(struct house *house, int listener)
{
    int64_t count = house->config->handler_workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (count == 0)
        count = 2 * (cores > 0 ? cores : 1);
    house->places = places_new((int)count / 2);
    return (struct pool){ .listener = listener, .most = (int)count, .run = run_pages, .context = house };
}

static struct pool polls_pool(struct house *house, int listener)
{
    int most = (int)house->config->handler_polls;
    house->places = places_new(most);
    return (struct pool){
        .listener = listener, .most = most + SPARE, .wanted = polls_wanted, .run = run_polls, .context = house
    };
}

static int serve(const struct house *house, const struct pool *pools, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fcntl(pools[i].listener, F_SETFL, fcntl(pools[i].listener, F_GETFL) | O_NONBLOCK) < 0)
            return fail(strerror(errno));
    log_event(LOG_INFO, "serving", LOG_N("workers", pools[0].most), LOG_N("polls", house->config->handler_polls),
              LOG_S("site", house->config->site_url));
    return prefork(pools, count);
}

static int serve_stdin(struct house *house, bool polls)
{
    struct pool pool = polls ? polls_pool(house, STDIN_FILENO) : pages_pool(house, STDIN_FILENO);
    int status = serve(house, &pool, 1);
    places_free(&house->places);
    return status;
}

/* Both pools, or the polls alone. */
static int serve_own(struct house *pages, struct arena *arena, bool both)
{
    const char *error = NULL;
    struct listening listening[POOLS_MAX];
    struct pool pools[POOLS_MAX];
    struct house polls = *pages;
    size_t count = 0;
    int status = 0;
    if (both && listen_open(pages->config->handler_listen, arena, &listening[count], &error)) {
        pools[count] = pages_pool(pages, listening[count].fd);
        count++;
    }
    if (!error && pages->config->handler_polls &&
        listen_open(pages->config->handler_polls_listen, arena, &listening[count], &error)) {
        pools[count] = polls_pool(&polls, listening[count].fd);
        count++;
    }
    status = error ? fail(error) : serve(pages, pools, count);
    while (count)
        listen_close(&listening[--count]);
    places_free(&pages->places);
    places_free(&polls.places);
    return status;
}

static int answer_once(struct house *house)
{
    struct gateway gateway = { .variables = environ };
    if (!gateway_variable(&gateway, "REQUEST_METHOD").len) {
        fprintf(stderr,
                "usage: confab.fcgi serve    listen on handler.listen and handler.polls_listen\n"
                "       confab.fcgi polls    the held polls alone: on standard input, or handler.polls_listen\n"
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
    bool own = argc == 2 && strcmp(argv[1], "serve") == 0, polls = argc == 2 && !own;
    int status = 0;
    if (polls && house->config->handler_polls == 0)
        status = fail("handler.polls: is 0, so none can be held");
    else if (own || (polls && FCGX_IsCGI()))
        status = serve_own(house, arena, own);
    else
        status = FCGX_IsCGI() ? answer_once(house) : serve_stdin(house, polls);
    view_free(&view);
    return status;
}

int main(int argc, char **argv)
{
    log_open("handler", LOG_INFO);
    if (sodium_init() < 0)
        return fail("libsodium cannot be used here");
    if (argc > 2 || (argc == 2 && strcmp(argv[1], "serve") != 0 && strcmp(argv[1], "polls") != 0))
        return fprintf(stderr, "usage: confab.fcgi [serve|polls]\n"), 2;
    struct arena *arena = arena_new();
    struct house house = { 0 };
    int status = run(argc, argv, &house, arena);
    arena_free(&arena);
    return status;
}
