/* What a token costs, good or forged: the median time of reading it alone (jwt_verify), and of all that a request does
 * to know who asks (session_open, with its row in the database). Lines of standard input: `cookie` or `bearer`, a tab,
 * the token; the first of each kind is the good one that the others are measured beside. A line of numbers for each:
 * the four medians in nanoseconds (this one alone, the good one alone, this one in whole, the good one in whole). */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "db/db.h"
#include "web/cookie.h"
#include "web/jwt.h"
#include "web/session.h"

enum { TIMES = 1000, GOOD_EVERY = 5, LINE_MAX_BYTES = 64 * 1024 };

static const struct config *config;
static struct db *db;
static struct arena *turn; /* emptied after each */

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const int64_t *one = a, *two = b;
    return (*one > *two) - (*one < *two);
}

static int64_t median(int64_t *times, size_t count)
{
    qsort(times, count, sizeof *times, compare);
    return times[count / 2];
}

static int64_t verify(bool bearer, struct text token)
{
    struct jwt_claims claims;
    int64_t now = clock_now() / 1000000, began = nanoseconds();
    bool good = jwt_verify(config, turn, bearer ? JWT_API : JWT_SESSION | JWT_GUEST, token, now, &claims);
    int64_t took = nanoseconds() - began;
    (void)good;
    arena_reset(turn);
    return took;
}

static int64_t open_session(bool bearer, struct text token)
{
    struct scope scope = { .arena = turn, .db = db, .config = config, .now = clock_now() };
    struct session session;
    const char *cookie = arena_printf(turn, "%s=%.*s", cookie_name(config), TEXT_ARGS(token));
    struct credentials came = { .cookie = bearer ? TEXT("") : text_of(cookie), .bearer = bearer ? token : TEXT("") };
    int64_t began = nanoseconds();
    if (session_open(&came, &scope, &session) != DONE)
        exit(1);
    int64_t took = nanoseconds() - began;
    arena_reset(turn);
    return took;
}

/* The good one now and then between, so that both see the same machine. */
static void measure(int64_t (*how)(bool, struct text), bool bearer, struct text token, struct text good)
{
    static int64_t these[TIMES], goods[TIMES / GOOD_EVERY];
    for (size_t i = 0; i < TIMES; i++) {
        these[i] = how(bearer, token);
        if (i % GOOD_EVERY == 0)
            goods[i / GOOD_EVERY] = how(bearer, good);
    }
    printf("%lld %lld ", (long long)median(these, TIMES), (long long)median(goods, TIMES / GOOD_EVERY));
}

int main(void)
{
    static char line[LINE_MAX_BYTES];
    const char *error = NULL;
    struct arena *arena = arena_new();
    struct text good[2] = { { 0 } };
    log_open("verify", LOG_ERROR);
    if (sodium_init() < 0 || !(config = config_load(arena, NULL, &error)))
        return fprintf(stderr, "verify: %s\n", error ? error : "libsodium cannot be used here"), 1;
    db = db_new(config->database_url, "confab bench");
    turn = arena_new();
    while (fgets(line, sizeof line, stdin)) {
        struct text token = text_of(line), kind;
        token.len -= text_ends(token, "\n");
        kind = text_split(&token, '\t');
        bool bearer = text_is(kind, "bearer");
        if (!good[bearer].len)
            good[bearer] = text_copy(arena, token);
        measure(verify, bearer, token, good[bearer]);
        measure(open_session, bearer, token, good[bearer]);
        putchar('\n');
    }
    arena_free(&turn);
    db_free(&db);
    arena_free(&arena);
    return 0;
}
