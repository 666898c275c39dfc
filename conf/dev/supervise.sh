# shellcheck shell=bash disable=SC2034,SC2164,SC2174
# Start the parts, watch them, start again what dies, stop all.
#
# 1. Each part runs in a session of its own, so that Ctrl-C reaches only us and the order of stopping is ours.
# 2. Each part is told by the kernel when we die (pdeathsig), so that not even SIGKILL leaves one behind.
# 3. What a dead part left running (workers of nginx hold its port) goes with its process group before it starts again.
# 4. run/lock is held as long as we live: it, not a pid file, says whether the site runs.

# 5. The watch looks at each part four times a second. (bash's `wait -n` forgets a child that dies while it is busy
#    with another.)

# 6. A part with a file run/NAME.off stays away once it has died: so tests take it away for a while.

declare -A part_pid=() part_since=() part_delay=() part_due=()
ticker=

# part_start NAME: NAME is postgres, handlers, relay or nginx.
part_start() {
    local part=$1 as=() part_command=() end=TERM
    case $part in
    postgres)
        as=("${as_postgres[@]}") end=INT
        postgres_command
        ;;
    handlers) # as conf/systemd/confab.service has it
        part_command=(env GLIBC_TUNABLES=glibc.malloc.tcache_count=500 "$BUILD/confab.fcgi" serve) ;;
    relay) part_command=("$BUILD/confab-relay") ;;
    nginx) part_command=(nginx -p "$STATE/nginx/" -c nginx.conf -e "$STATE/log/nginx.log") ;;
    esac
    ((${#as[@]})) || as=(setpriv)
    [ "$part" != postgres ] || cd "$PGHOME"
    setsid "${as[@]}" --pdeathsig "$end" "${part_command[@]}" >>"$STATE/log/$part.log" 2>&1 </dev/null 9>&- &
    part_pid[$part]=$!
    cd "$ROOT"
    part_since[$part]=$SECONDS
    printf '%s\n' "${part_pid[$part]}" >"$STATE/run/$part.pid"
}

part_alive() { kill -0 "${part_pid[$1]}" 2>/dev/null; }

# part_stop NAME SIGNAL SECONDS: in order, and by force after that time.
part_stop() {
    local part=$1 pid=${part_pid[$1]-} tries=$(($3 * 20))
    [ -n "$pid" ] || return 0
    kill -s "$2" "$pid" 2>/dev/null || true
    while ((tries-- > 0)) && part_alive "$part"; do sleep 0.05; done
    ! part_alive "$part" || say "$part does not stop in $3 seconds: killed"
    kill -s KILL -- "-$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    unset "part_pid[$part]"
    rm -f "$STATE/run/$part.pid"
}

supervise_stop() {
    trap '' INT TERM HUP
    rm -f "$STATE/run/ready"
    [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true
    part_stop nginx TERM 5
    part_stop relay TERM 10
    part_stop handlers TERM 10
    part_stop postgres INT 30
    rm -f "$STATE/run/url" "$STATE/run/dev.pid"
}

# A part that ran well for a while starts again at once; one that dies young waits longer each time.
part_died() {
    local part=$1 pid=${part_pid[$1]} status=0 delay=0
    wait "$pid" || status=$?
    kill -s KILL -- "-$pid" 2>/dev/null || true
    unset "part_pid[$part]"
    if ((SECONDS - part_since[$part] < 5)); then
        delay=${part_delay[$part]:-0}
        part_delay[$part]=$((delay == 0 ? 1 : delay < 8 ? delay * 2 : 10))
    else
        part_delay[$part]=0
    fi
    part_due[$part]=$((SECONDS + delay))
    say "$(date -u +%FT%TZ) $part ended (status $status) and starts again$( ((delay == 0)) || echo " in $delay s")"
}

supervise_watch() {
    local part
    while :; do
        for part in "${!part_pid[@]}"; do
            part_alive "$part" || part_died "$part"
        done
        for part in "${!part_due[@]}"; do
            ((SECONDS >= part_due[$part])) && [ ! -e "$STATE/run/$part.off" ] || continue
            unset "part_due[$part]"
            part_start "$part"
        done
        sleep 0.25 9>&- &
        ticker=$!
        wait "$ticker" || true
    done
}

# wait_for WHAT SECONDS COMMAND...: until it succeeds. While starting, a part that dies is a reason to give up.
wait_for() {
    local what=$1 tries=$(($2 * 20)) part
    shift 2
    until "$@"; do
        for part in "${!part_pid[@]}"; do
            part_alive "$part" || start_failed "$part ended at once" "$part"
        done
        ((tries-- > 0)) || start_failed "$what does not come up" "$what"
        sleep 0.05
    done
}

# start_failed REASON PART: with the last words of that part.
start_failed() {
    [ ! -s "$STATE/log/$2.log" ] || tail -n 15 "$STATE/log/$2.log" >&2
    die "$1 (logs: $STATE/log)"
}

page_answers() { [ "$(http_status "$(site_base)")" = 200 ]; }
relay_answers() { [ "$(http_status "$(site_base)live/healthz")" = 200 ]; }
socket_there() { [ -S "$1" ]; }

supervise_start() {
    local word=
    if port_taken; then die "port $PORT is taken: CONFAB_PORT names another"; fi
    postgres_prepare
    site_sockets
    site_conf
    site_nginx
    rm -f "$STATE/run/"*.off "$RUN/handler.sock" "$RUN/polls.sock" "$RUN/relay.sock" "$STATE/log/"asan.*
    part_start postgres
    wait_for postgres 60 postgres_ready
    postgres_database
    word=$("$BUILD/confab" migrate 2>&1 9>&-) || die "confab migrate: $word"
    part_start handlers
    part_start relay
    wait_for handlers 30 socket_there "$RUN/handler.sock"
    wait_for relay 30 socket_there "$RUN/relay.sock"
    part_start nginx
    wait_for handlers 30 page_answers
    wait_for relay 30 relay_answers
}

# Of a run that was killed: its parts are on their way out.
wait_for_leftovers() {
    local file pid tries
    for file in "$STATE"/run/*.pid; do
        pid=$(cat "$file")
        tries=200
        while ((tries-- > 0)) && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
        rm -f "$file"
    done
}

# For sanitized builds: what they find goes to files, where tests look.
supervise_environment() {
    export CONFAB_CONF=$STATE/confab.conf
    export ASAN_OPTIONS="log_path=$STATE/log/asan:exitcode=99:detect_stack_use_after_return=1"
    export UBSAN_OPTIONS="log_path=$STATE/log/asan:exitcode=99:print_stacktrace=1"
}

# Run the site until somebody ends us.
supervise() {
    [ -x "$BUILD/confab" ] && [ -x "$BUILD/confab.fcgi" ] && [ -x "$BUILD/confab-relay" ] || die "no programs in $BUILD"
    site_prepare
    postgres_find
    postgres_place
    exec 9>"$STATE/run/lock"
    flock -n 9 || die "a site runs in $STATE already"
    rm -f "$STATE/run/ready"
    wait_for_leftovers
    trap supervise_stop EXIT
    trap 'exit 0' INT TERM HUP
    printf '%s\n' $$ >"$STATE/run/dev.pid"
    site_url >"$STATE/run/url"
    supervise_environment
    supervise_start
    printf '%s\n' $$ >"$STATE/run/ready"
    say "confab is ready at $(site_url)"
    supervise_watch 2>/dev/null # bash's own words about each child that a signal ended
}

# The same in the background; returns when it is ready, or fails with its reason.
supervise_detached() {
    local pid log
    site_prepare
    log=$STATE/log/dev.log
    : >"$log"
    CONFAB_BUILD=$BUILD CONFAB_STATE=$STATE setsid "$ROOT/dev" supervise >>"$log" 2>&1 </dev/null &
    pid=$!
    trap 'kill $pid 2>/dev/null; exit 1' INT TERM HUP
    until [ "$(cat "$STATE/run/ready" 2>/dev/null)" = "$pid" ]; do
        kill -0 "$pid" 2>/dev/null || {
            cat "$log" >&2
            exit 1
        }
        sleep 0.05
    done
    cat "$log"
}

supervise_down() {
    local pid
    if ! site_running; then
        say 'confab is not running'
        return 0
    fi
    pid=$(cat "$STATE/run/dev.pid" 2>/dev/null) || die "who runs in $STATE has not said its pid"
    kill -s TERM "$pid"
    flock -w 70 "$STATE/run/lock" true || die "the site in $STATE (pid $pid) does not stop"
    say 'confab has stopped'
}
