/* The commands that only need the database: migrate, sweep. */
#include <stdio.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "cli/cli.h"
#include "db/db.h"
#include "db/migration.h"
#include "queries.h"

static int complain(const char *command, const char *sentence)
{
    fprintf(stderr, "confab %s: %s\n", command, sentence);
    return 1;
}

static void told(const struct migration *migration)
{
    printf("%04d %s\n", migration->version, migration->name);
}

static int migrate(struct db *db, struct arena *arena)
{
    return migration_run(db, arena, told) ? 0 : complain("migrate", db_complaint(db));
}

static int sweep(struct db *db, struct arena *arena)
{
    static const struct query *const sweeps[] = { &query_throttle_sweep, &query_token_sweep, &query_revocation_sweep };
    for (size_t i = 0; i < sizeof sweeps / sizeof sweeps[0]; i++)
        if (db_run(db, arena, sweeps[i], &(struct params){ .count = 0 }).status != DB_DONE)
            return complain("sweep", db_complaint(db));
    return 0;
}

static int with_database(int argc, char **argv, bool as_owner, int (*run)(struct db *, struct arena *))
{
    if (argc != 1)
        return fprintf(stderr, "usage: confab %s\n", argv[0]), 2;
    log_open("confab", LOG_ERROR + 1); /* the sentence on standard error says it */
    struct arena *arena = arena_new();
    const char *error = NULL;
    const struct config *config = config_load(arena, NULL, &error);
    int status = 1;
    if (config) {
        struct db *db = db_new(as_owner ? config->database_migrate_url : config->database_url, "confab tool");
        status = run(db, arena);
        db_free(&db);
    } else {
        complain(argv[0], error);
    }
    arena_free(&arena);
    return status;
}

int cli_migrate(int argc, char **argv)
{
    return with_database(argc, argv, true, migrate);
}

int cli_sweep(int argc, char **argv)
{
    return with_database(argc, argv, false, sweep);
}
