# Makes C of sql/queries/*.sql. A query begins with `-- query NAME [read|again]` and ends with `;`. `-- define NAME` names the text up to
# the next empty line, which stands for @NAME@ in the queries of the same file. `read`: changes nothing, so it may be run again on
# a fresh connection when the old one broke. `again`: it changes something, but nobody minds if that happens twice.
# Usage: awk -v kind=header|source -f compile-queries.awk FILES

function quoted(line) {
    gsub(/\\/, "&&", line)
    gsub(/"/, "\\\"", line)
    return "    \"" line "\\n\"\n"
}

function highest_parameter(sql,    highest, number) {
    highest = 0
    while (match(sql, /\$[0-9]+/)) {
        number = substr(sql, RSTART + 1, RLENGTH - 1) + 0
        if (number > highest)
            highest = number
        sql = substr(sql, RSTART + RLENGTH)
    }
    return highest
}

function finish() {
    if (kind == "header")
        printf "extern const struct query query_%s;\n", name
    else
        printf "const struct query query_%s = { %d, \"%s\", %d, %s,\n%s};\n\n", name, count, name, \
            highest_parameter(sql), reads ", " repeatable, text
    names[count++] = name
    name = ""
}

BEGIN {
    if (kind == "header")
        print "/* Made by sql/compile-queries.awk from sql/queries/. */\n#ifndef CONFAB_QUERIES_H\n#define CONFAB_QUERIES_H\n\n#include \"db/query.h\"\n"
    else
        print "/* Made by sql/compile-queries.awk from sql/queries/. */\n#include \"queries.h\"\n"
}

FNR == 1 { split("", defined); defining = "" }
/^-- define / { defining = $3; defined[defining] = ""; next }
defining != "" && /^$/ { defining = ""; next }
defining != "" { defined[defining] = defined[defining] (defined[defining] == "" ? "" : " ") $0; next }
/^-- query / { name = $3; reads = $4 == "read" ? "true" : "false"; repeatable = $4 == "read" || $4 == "again" ? "true" : "false"; text = ""; sql = ""; next }
name == "" || /^ *--/ || /^$/ { next }
{
    line = $0
    for (key in defined)
        gsub("@" key "@", defined[key], line)
    ended = sub(/;$/, "", line)
    text = text quoted(line)
    sql = sql line "\n"
    if (ended)
        finish()
}

END {
    if (kind == "header") {
        printf "\nenum { QUERY_COUNT = %d };\n\n/* All of them, for the test that prepares each. */\nextern const struct query *const queries[QUERY_COUNT];\n\n#endif\n", count
    } else {
        print "const struct query *const queries[QUERY_COUNT] = {"
        for (i = 0; i < count; i++)
            printf "    &query_%s,\n", names[i]
        print "};"
    }
}
