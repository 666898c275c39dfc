# shellcheck shell=bash disable=SC2034,SC2164,SC2174
# configure and make, out of tree, each only when it is needed.

# Run a step quietly; show its words when it fails.
build_step() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 </dev/null || {
        tail -n 60 "$log" >&2
        die "failed: $* (all of its words: $log)"
    }
}

# build FOLDER [CONFIGURE ARGUMENT...]: all programs, and the unit tests' when WITH_TESTS is set.
build() {
    mkdir -p "$ROOT/build"
    # One at a time: two builds share the generated files of the source folder.
    (
        flock 8
        build_configure "$@"
        say "building in ${1#"$ROOT"/}"
        build_step "$1/make.log" make -C "$1" -j "$(nproc)" all
        # Not in the same call: `all` is a make of its own, and both would build the library at once.
        [ -z "${WITH_TESTS-}" ] || build_step "$1/make.log" make -C "$1" -j "$(nproc)" check-programs
    ) 8>"$ROOT/build/.lock"
}

build_configure() {
    local folder=$1
    shift
    mkdir -p "$folder"
    [ -x "$ROOT/configure" ] || {
        say 'making configure'
        (cd "$ROOT" && build_step "$folder/autoreconf.log" autoreconf -fi)
    }
    # make itself configures again when configure.ac changes; we, when the arguments do.
    if [ ! -f "$folder/Makefile" ] || [ "$(cat "$folder/.arguments" 2>/dev/null)" != "$*" ]; then
        say "configuring ${folder#"$ROOT"/}"
        (cd "$folder" && build_step "$folder/configure.log" "$ROOT/configure" -C "$@")
        printf '%s\n' "$*" >"$folder/.arguments"
    fi
}
