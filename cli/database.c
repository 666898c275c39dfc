/* The commands that only need the database: migrate, sweep. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/site.h"
#include "db/db.h"
#include "db/migration.h"
#include "live/mailbox.h"
#include "queries.h"

static void told(const struct migration *migration)
{
    printf("%04d %s\n", migration->version, migration->name);
}

static int migrate(struct site *site, void *context)
{
    (void)context;
    return migration_run(site->scope.db, site->scope.arena, told) ? 0 : site_broken(site);
}

static int sweep(struct site *site, void *context)
{
    static const struct query *const sweeps[] = { &query_throttle_sweep, &query_token_sweep, &query_revocation_sweep };
    (void)context;
    for (size_t i = 0; i < sizeof sweeps / sizeof sweeps[0]; i++)
        if (db_run(site->scope.db, site->scope.arena, sweeps[i], &(struct params){ .count = 0 }).status != DB_DONE)
            return site_broken(site);
    return mailbox_sweep(site->scope.db, site->scope.arena) == DONE ? 0 : site_broken(site);
}

static int usage(const char *command)
{
    fprintf(stderr, "usage: confab %s\n", command);
    return 2;
}

int cli_migrate(int argc, char **argv)
{
    return argc == 1 ? site_run(argv[0], true, migrate, NULL) : usage(argv[0]);
}

int cli_sweep(int argc, char **argv)
{
    return argc == 1 ? site_run(argv[0], false, sweep, NULL) : usage(argv[0]);
}
