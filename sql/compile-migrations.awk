# Makes C of sql/migrations/NNNN_name.sql (in order, without a gap) and sql/roles.sql, for `confab migrate`.
# Usage: awk -f compile-migrations.awk migrations/*.sql roles.sql

function quoted(line) {
    gsub(/\\/, "&&", line)
    gsub(/"/, "\\\"", line)
    return "    \"" line "\\n\"\n"
}

function finish() {
    if (file ~ /roles\.sql$/) {
        roles = text
    } else {
        base = file
        sub(/^.*\//, "", base)
        sub(/\.sql$/, "", base)
        count++
        if (substr(base, 1, 4) + 0 != count) {
            print "compile-migrations: " file ": expected number " count > "/dev/stderr"
            failed = 1
            exit 1
        }
        rows = rows "    { " count ", \"" substr(base, 6) "\",\n" text "    },\n"
    }
}

FNR == 1 { if (file) finish(); file = FILENAME; text = "" }
{ text = text quoted($0) }

END {
    if (failed)
        exit 1
    finish()
    print "/* Made by sql/compile-migrations.awk from sql/migrations/ and sql/roles.sql. */\n#include \"db/migration.h\"\n"
    printf "const struct migration migrations[] = {\n%s};\n\nconst int migration_count = %d;\n\nconst char migration_roles[] =\n%s;\n", rows, count, roles
}
