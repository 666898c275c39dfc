# shellcheck shell=bash disable=SC2034,SC2164,SC2174
# What a development site is made of besides its database: the state folder, confab.conf, and nginx's configuration.

# The public address, and its path: CONFAB_SITE_URL, which the programs see as well, or the port's.
site_url() {
    local url=${CONFAB_SITE_URL:-http://127.0.0.1:$PORT/}
    printf '%s/' "${url%/}"
}
site_base() {
    local rest
    rest=$(site_url)
    rest=${rest#*://}
    printf '/%s' "${rest#*/}"
}

site_running() { [ -e "$STATE/run/lock" ] && ! flock -n "$STATE/run/lock" true; }
site_url_running() { cat "$STATE/run/url" 2>/dev/null || site_url; }

site_prepare() {
    mkdir -p "$STATE"
    mkdir -p -m 0700 "$STATE/run" "$STATE/log" "$STATE/nginx/root" "$STATE/nginx/tmp"
    STATE=$(cd "$STATE" && pwd -P)
}

# The folder of our own sockets.
site_sockets() {
    local longest=$STATE/run/handler.sock
    RUN=$STATE/run
    ((${#longest} <= 107)) && return
    RUN=$(short_place)/run
    short_place_make
    mkdir -p -m 0700 "$RUN"
}

# conf_set SECTION KEY VALUE < old > new: that key has that value, everything else stays as somebody wrote it.
conf_set() {
    awk -v section="[$1]" -v key="$2" -v value="$3" '
        function put() { if (!done) print key " = " value; done = 1 }
        /^\[/ { if (inside) put(); inside = $0 == section }
        inside && $1 == key { put(); next }
        { print }
        END { if (!done) { if (!inside) print section; put() } }'
}

site_set() {
    conf_set "$@" <"$STATE/confab.conf" >"$STATE/confab.conf.new"
    mv "$STATE/confab.conf.new" "$STATE/confab.conf"
}

# Written once, with keys of its own, and free to be edited; what belongs to this run is put in each time.
site_conf() (
    umask 077
    local_database="host=$PGSOCKET port=5432 dbname=confab"
    [ -f "$STATE/confab.conf" ] || {
        printf '# The development site. ./dev sets database.*url, site.url, site.data and where the programs listen; the rest is yours.\n'
        printf '[database]\n[site]\n[session]\nkeys = dev:%s\n[relay]\n[handler]\n[limits]\n' \
            "$(head -c 32 /dev/urandom | base64 -w 0 | tr '+/' '-_' | tr -d '=')"
    } >"$STATE/confab.conf"
    site_set database url "$local_database user=confab_handler"
    site_set database relay_url "$local_database user=confab_relay"
    site_set database migrate_url "$local_database user=confab"
    site_set site url "$(site_url)"
    site_set site data "$BUILD/data"
    site_set relay listen "unix:$RUN/relay.sock"
    site_set relay bell "unix:$RUN/bell.sock"
    site_set handler listen "unix:$RUN/handler.sock"
    site_set handler polls_listen "unix:$RUN/polls.sock"
)

# The very file that a site owner includes, with other values in the places that it names.
site_nginx() {
    sed -e "s|location /|location $(site_base)|" -e "s|unix:/run/confab/|unix:$RUN/|" \
        -e "s|/usr/share/confab/static/|$BUILD/data/static/|" "$ROOT/conf/confab.nginx.conf" >"$STATE/nginx/confab.conf"
    cat >"$STATE/nginx/nginx.conf" <<TEXT
daemon off;
$([ "$(id -u)" != 0 ] || echo "user root root;")
worker_processes 2;
pid $STATE/nginx/nginx.pid;
error_log $STATE/log/nginx.log warn;
events {
    worker_connections 8192;
}
http {
    access_log $STATE/log/access.log;
    server_tokens off;
    client_body_temp_path $STATE/nginx/tmp/body;
    proxy_temp_path $STATE/nginx/tmp/proxy;
    fastcgi_temp_path $STATE/nginx/tmp/fastcgi;
    uwsgi_temp_path $STATE/nginx/tmp/uwsgi;
    scgi_temp_path $STATE/nginx/tmp/scgi;
    client_header_buffer_size 1k;
    connection_pool_size 256;
    server {
        listen 127.0.0.1:$PORT backlog=4096;
        root $STATE/nginx/root;
        include $STATE/nginx/confab.conf;
    }
}
TEXT
}

# http_status PATH: the status of a GET on our port, 000 when there is no answer.
http_status() {
    local line=
    {
        exec 7<>"/dev/tcp/127.0.0.1/$PORT"
        printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$1" "$PORT" >&7
        IFS= read -r -t 10 line <&7
        exec 7>&-
    } 2>/dev/null || true
    [[ $line =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]] && printf '%s' "${BASH_REMATCH[1]}" || printf '000'
}

port_taken() { (exec 7<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; }
