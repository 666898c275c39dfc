# shellcheck shell=bash disable=SC2034,SC2164,SC2174
# Debian's packages, installed only where something is missing, and npm's.

# What is looked for, and the package that brings it: a command, or a package's own name.
UP_NEEDS=(autoreconf=autoconf automake=automake cc=gcc make=make pkg-config=pkg-config nginx=nginx-light
    libc6-dev libfcgi-dev libpq-dev libjwt-dev libjansson-dev libsodium-dev libuv1-dev)
TEST_NEEDS=(prove=perl libmojolicious-perl chromium=chromium clang-format=clang-format systemd-analyze=systemd xz=xz-utils)
FUZZ_NEEDS=(clang=clang)

package_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The packages that bring what is missing of "$@".
packages_missing() {
    local need
    for need in "$@"; do
        case $need in
        *=*) command -v "${need%%=*}" >/dev/null || printf '%s\n' "${need#*=}" ;;
        *) package_installed "$need" || printf '%s\n' "$need" ;;
        esac
    done
}

# apt-get as root, or by sudo where that asks nobody or can ask.
package_sudo() {
    if [ "$(id -u)" = 0 ]; then
        SUDO=()
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        SUDO=(sudo)
    else
        return 1
    fi
}

# In a subshell, so that its trap ends with it. Debian starts what it installs unless policy-rc.d says 101, and
# a system-wide nginx or Postgres is nothing that we need.
packages_install() (
    policy=/usr/sbin/policy-rc.d
    # shellcheck disable=SC2317
    policy_remove() { "${SUDO[@]}" rm -f $policy; }
    if [ ! -e $policy ]; then
        trap policy_remove EXIT
        trap 'exit 1' INT TERM HUP
        "${SUDO[@]}" sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
    fi
    apt=("${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update </dev/null && "${apt[@]}" install -y --no-install-recommends "$@" </dev/null
)

# Install what is missing of "$@", or say in one line what somebody else must install.
packages_ensure() {
    local missing log=$ROOT/build/packages.log
    mapfile -t missing < <(packages_missing "$@")
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || die "these are missing, by their names in Debian: ${missing[*]}"
    package_sudo || die "packages are missing. As root: apt-get install --no-install-recommends ${missing[*]}"
    say "installing ${missing[*]}"
    mkdir -p "$ROOT/build"
    packages_install "${missing[@]}" >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        die "apt-get could not install them (all of its words: $log)"
    }
    hash -r
}

# Any major version of the server will do; one that is there already is left alone.
package_postgres() {
    local servers=(/usr/lib/postgresql/*/bin/initdb)
    ((${#servers[@]})) || printf 'postgresql\n'
}

package_node() {
    command -v node >/dev/null || printf 'nodejs\n'
    command -v npm >/dev/null || printf 'npm\n'
}

packages_for_up() {
    local more
    mapfile -t more < <(package_postgres; package_node)
    packages_ensure "${UP_NEEDS[@]}" "${more[@]}"
    packages_npm
}

packages_for_test() {
    packages_for_up
    postgres_find
    packages_ensure "${TEST_NEEDS[@]}" "postgresql-$PGMAJOR-pgtap"
}

# npm's packages, anew only when the lock changed.
packages_npm() {
    local stamp=$ROOT/node_modules/.confab-lock
    cmp -s "$ROOT/package-lock.json" "$stamp" && return
    say 'installing from npm'
    mkdir -p "$ROOT/build"
    (
        flock 8
        cd "$ROOT"
        npm ci --ignore-scripts --no-audit --no-fund </dev/null >build/npm.log 2>&1 || {
            tail -n 20 build/npm.log >&2
            die 'npm ci failed'
        }
        cp package-lock.json "$stamp"
    ) 8>"$ROOT/build/.lock"
}
