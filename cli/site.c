#include "cli/site.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "db/db.h"

int site_complain(const struct site *site, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "confab %s: ", site->command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return 1;
}

int site_broken(const struct site *site)
{
    const char *complaint = db_complaint(site->scope.db);
    return site_complain(site, "%s", complaint[0] ? complaint : "this host is too busy, or has no memory left");
}

int site_run(const char *command, bool as_owner, int (*run)(struct site *, void *context), void *context)
{
    log_open("confab", LOG_ERROR + 1); /* the sentence on standard error says it */
    struct arena *arena = arena_new();
    const char *error = NULL;
    const struct config *config = config_load(arena, NULL, &error);
    struct site site = { .command = command, .scope = { .arena = arena, .config = config, .now = clock_now() } };
    int status = 1;
    if (config) {
        site.scope.db = db_new(as_owner ? config->database_migrate_url : config->database_url, "confab tool");
        status = run(&site, context);
        db_free(&site.scope.db);
    } else {
        site_complain(&site, "%s", error);
    }
    arena_free(&arena);
    return status;
}
