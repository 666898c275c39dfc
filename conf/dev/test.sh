# shellcheck shell=bash disable=SC2034,SC2164,SC2174
# Tests, benchmarks, fuzzing.

command_test() {
    local tests=() status=0
    if [ -z "${CONFAB_BUILD-}" ]; then
        packages_for_test
        BUILD=$ROOT/build/test
        WITH_TESTS=yes build "$BUILD" --enable-sanitize CFLAGS='-O1 -g'
    fi
    mapfile -t tests < <(tests_below "$@" | sed "s|^$ROOT/||")
    ((${#tests[@]})) || die "no tests below $*"
    cd "$ROOT"
    test_environment
    trap test_leave EXIT
    trap 'exit 1' INT TERM HUP
    "$BUILD/tests/support/stalls" "$TESTS/stalls" & # how long the machine stands still meanwhile; ends with this shell
    prove --timer -j "${CONFAB_JOBS:-2}" "${tests[@]}" || status=$? # two at a time: they wait more than they work
    perl -MConfab::Clock=stalled -e 'printf "the machine stood still for %.1f s\n", stalled' # tests leave that out
    test_sanitizers || status=1
    return $status
}

# The tests below these paths (all without one), each a line: scripts *.t, and the programs of tests/unit.
tests_below() {
    local path
    (($#)) || set -- "$ROOT/tests"
    for path in "$@"; do
        path=$(realpath -m -- "$path")
        case $path in
        "$ROOT/tests") programs_below "$BUILD"/tests/{unit,fuzz} ;;
        "$ROOT/tests/unit" | "$ROOT/tests/fuzz") programs_below "$BUILD${path#"$ROOT"}" ;;
        "$ROOT/tests/unit/"*.c | "$ROOT/tests/fuzz/"*.c) path=$BUILD/${path#"$ROOT"/} path=${path%.c} ;;
        esac
        if [ -d "$path" ]; then find "$path" -name '*.t' | sort; elif [ -f "$path" ]; then printf '%s\n' "$path"; else
            die "no such test: $path"
        fi
    done
}

# The unit tests' programs, and those that replay the corpus of a fuzz target.
programs_below() { find "$@" '(' -name 'test-*' -o -name 'fuzz-*' ')' -type f -executable | sort; }

# What tests find in their environment: the source and build folders, and one for whatever they make. Nothing of a
# site that runs beside.
test_environment() {
    local name
    for name in "${!CONFAB_@}"; do
        [[ ! $name =~ ^CONFAB_[A-Z]+_[A-Z_]+$ ]] || unset "$name"
    done
    unset CONFAB_PORT CONFAB_STATE CONFAB_CONF
    TESTS=$(mktemp -d -t confab-test.XXXXXX)
    chmod 0711 "$TESTS" # Postgres may have another account
    postgres_find
    export CONFAB_SOURCE=$ROOT CONFAB_BUILD=$BUILD CONFAB_TESTS=$TESTS CONFAB_PGBIN=$PGBIN
    export PERL5LIB=$ROOT/tests/support${PERL5LIB:+:$PERL5LIB}
    export ASAN_OPTIONS="log_path=$TESTS/asan:exitcode=99:detect_stack_use_after_return=1"
    export UBSAN_OPTIONS="log_path=$TESTS/asan:exitcode=99:print_stacktrace=1"
}

# Each finding of a sanitizer fails the run, also in a process that nobody waited for.
test_sanitizers() {
    local found
    mapfile -t found < <(find "$TESTS" -name 'asan.*' -type f)
    ((${#found[@]})) || return 0
    head -n 60 "${found[@]}" >&2
    warn "a sanitizer wrote ${#found[@]} reports"
    return 1
}

# A test that was cut off may have left its site.
test_leave() {
    local state
    for state in "$TESTS"/*/run/lock; do
        CONFAB_STATE=${state%/run/lock} "$ROOT/dev" down >/dev/null 2>&1 || true
    done
    rm -rf "$TESTS"
}

command_bench() {
    local name=${1-}
    if [ -z "$name" ]; then
        for name in "$ROOT"/tests/bench/*; do
            [ ! -x "$name" ] || [ -d "$name" ] || basename "$name"
        done
        return
    fi
    shift
    [ -x "$ROOT/tests/bench/$name" ] || die "no benchmark $name: ./dev bench lists them"
    if [ -z "${CONFAB_BUILD-}" ]; then
        packages_for_up
        WITH_TESTS=yes build "$BUILD" --enable-werror CFLAGS='-O2 -g'
    fi
    build_step "$BUILD/bench.log" make -C "$BUILD" bench-programs
    CONFAB_SOURCE=$ROOT CONFAB_BUILD=$BUILD PERL5LIB=$ROOT/tests/support exec "$ROOT/tests/bench/$name" "$@"
}

# Each target for its share of the time, on its corpus in tests/fuzz/corpus/NAME; what it finds on the way stays in the
# build folder, and a crash is written there too.
command_fuzz() {
    local targets target name share folder=$ROOT/build/fuzz
    [[ ${1-} =~ ^[1-9][0-9]*$ ]] || bad_usage
    packages_for_up
    packages_ensure "${FUZZ_NEEDS[@]}"
    packages_ensure "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    build "$folder" --enable-fuzz --enable-sanitize --disable-werror CC=clang CFLAGS='-O1 -g'
    mapfile -t targets < <(find "$folder/tests/fuzz" -name 'fuzz-*' -type f -executable | sort)
    ((${#targets[@]})) || die 'there are no fuzz targets'
    share=$(($1 / ${#targets[@]}))
    for target in "${targets[@]}"; do
        name=${target##*/fuzz-}
        mkdir -p "$folder/corpus/$name" "$ROOT/tests/fuzz/corpus/$name"
        say "fuzzing $name for $((share > 0 ? share : 1)) s"
        "$target" -max_total_time=$((share > 0 ? share : 1)) -artifact_prefix="$folder/$name-" -print_final_stats=1 \
            "$folder/corpus/$name" "$ROOT/tests/fuzz/corpus/$name" 2>"$folder/$name.log" || {
            tail -n 40 "$folder/$name.log" >&2
            die "$name: found something (see $folder/$name-*)"
        }
        grep -E 'number_of_executed_units|cov:' "$folder/$name.log" | tail -n 2
    done
}
