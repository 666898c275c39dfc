# shellcheck shell=bash disable=SC2034,SC2164,SC2174
# The private Postgres cluster: a real one, with a Unix socket in a folder of mode 0700 as its only door, so that its
# trust in whoever comes through is well placed.

# The newest server that is there.
postgres_find() {
    PGBIN=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
    PGBIN=${PGBIN%/initdb}
    [ -x "$PGBIN/initdb" ] || die 'no Postgres server below /usr/lib/postgresql'
    PGMAJOR=${PGBIN%/bin}
    PGMAJOR=${PGMAJOR##*/}
}

# Postgres refuses to run as root: then it, and only it, runs as another account. as_postgres is put before its programs.
postgres_account() {
    as_postgres=()
    [ "$(id -u)" = 0 ] || return 0
    PGACCOUNT=${PGRUNAS:-postgres}
    id "$PGACCOUNT" >/dev/null 2>&1 || die "there is no account $PGACCOUNT to run Postgres as (PGRUNAS names another)"
    as_postgres=(setpriv "--reuid=$PGACCOUNT" "--regid=$(id -gn "$PGACCOUNT")" --init-groups)
}

# A place for what cannot live in the state folder: its path is too long for a socket (107 bytes), or another account
# must reach it and cannot. The name is the same for the same state folder.
short_place() {
    printf '/var/tmp/confab-%s' "$(printf '%s' "$STATE" | sha256sum | cut -c1-16)"
}

# The folder is ours alone: everybody may make names in /var/tmp, so one that somebody else made is refused.
short_place_make() {
    local place
    place=$(short_place)
    mkdir -m 0711 "$place" 2>/dev/null || { [ -d "$place" ] && [ ! -L "$place" ] && [ -O "$place" ]; } ||
        die "$place is there already and is not ours"
}

# Sets PGHOME and PGSOCKET; the same answer for each run on this state folder.
postgres_place() {
    postgres_account
    PGHOME=$STATE/pg
    local longest=$PGHOME/socket/.s.PGSQL.5432
    if ((${#longest} > 107)) || { [ -d "$STATE" ] && ! "${as_postgres[@]}" test -x "$STATE"; }; then
        PGHOME=$(short_place)/pg
    fi
    PGSOCKET=$PGHOME/socket
}

# The cluster's folders, and a cluster in them if there is none.
postgres_prepare() {
    [ "$PGHOME" = "$STATE/pg" ] || short_place_make
    mkdir -p -m 0700 "$PGHOME"
    [ "$(id -u)" != 0 ] || chown "$PGACCOUNT" "$PGHOME"
    cd "$PGHOME" # the account must be able to read where it stands
    "${as_postgres[@]}" mkdir -p -m 0700 "$PGSOCKET"
    if [ ! -s "$PGHOME/data/PG_VERSION" ]; then
        say "making a Postgres $PGMAJOR cluster in $PGHOME"
        rm -rf "$PGHOME/data"
        "${as_postgres[@]}" "$PGBIN/initdb" -D "$PGHOME/data" -U confab -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
            --no-instructions >"$STATE/log/initdb.log" 2>&1 || {
            cat "$STATE/log/initdb.log" >&2
            rm -rf "$PGHOME/data"
            die 'initdb failed'
        }
    elif [ "$(cat "$PGHOME/data/PG_VERSION")" != "$PGMAJOR" ]; then
        PGBIN=/usr/lib/postgresql/$(cat "$PGHOME/data/PG_VERSION")/bin
        [ -x "$PGBIN/postgres" ] || die "the cluster in $PGHOME needs Postgres $(cat "$PGHOME/data/PG_VERSION")"
    fi
    cd "$ROOT"
}

# The command that is the server. CONFAB_FSYNC=off is for tests: as fast, less safe, the same answers.
postgres_command() {
    part_command=("$PGBIN/postgres" -D "$PGHOME/data" -c listen_addresses= -c port=5432 -c "unix_socket_directories=$PGSOCKET"
        -c synchronous_commit=on -c "fsync=${CONFAB_FSYNC:-on}" -c max_connections=200 -c log_min_duration_statement=500)
}

postgres_ready() { "$PGBIN/pg_isready" -q -h "$PGSOCKET" -p 5432; }

postgres_database() {
    local psql=("$PGBIN/psql" -XqAt -h "$PGSOCKET" -p 5432 -U confab -d postgres -v ON_ERROR_STOP=1)
    [ "$("${psql[@]}" -c "select 1 from pg_database where datname = 'confab'")" = 1 ] ||
        "${psql[@]}" -c 'create database confab'
}
