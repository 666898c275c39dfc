#include "db/migration.h"

#include "base/arena.h"
#include "db/db.h"

/* Held to the end of each transaction, so that two runs at once take turns. The number is ours: "confab" in ASCII. */
#define LOCK "select pg_advisory_xact_lock(109348119142754);\n"

static const char history[] = LOCK "create table if not exists schema_migrations (\n"
                                   "    version int primary key,\n"
                                   "    name text not null,\n"
                                   "    applied_at timestamptz not null default now());\n"
                                   "select coalesce(max(version), 0) from schema_migrations;\n";

int migration_version(struct db *db, struct arena *arena)
{
    struct rows rows = db_script(db, arena, history);
    return rows.status == DB_DONE && rows.count == 1 ? (int)row_number(&rows, 0, 0) : -1;
}

/* A script of several statements is one transaction (PostgreSQL manual, 55.2.2.1). The insert fails on its key when
 * another process was first, and with it everything. */
static bool apply(struct db *db, struct arena *arena, const struct migration *migration,
                  void (*told)(const struct migration *))
{
    const char *sql = arena_printf(arena, LOCK "insert into schema_migrations (version, name) values (%d, '%s');\n%s",
                                   migration->version, migration->name, migration->sql);
    enum db_status status = db_script(db, arena, sql).status;
    if (status == DB_DONE)
        told(migration);
    return status == DB_DONE || (status == DB_CONFLICT && migration_version(db, arena) >= migration->version);
}

bool migration_run(struct db *db, struct arena *arena, void (*told)(const struct migration *))
{
    int version = migration_version(db, arena);
    if (version < 0)
        return false;
    for (int i = version; i < migration_count; i++)
        if (!apply(db, arena, &migrations[i], told))
            return false;
    const char *sql = arena_printf(arena, LOCK "%s", migration_roles);
    return db_script(db, arena, sql).status == DB_DONE;
}
