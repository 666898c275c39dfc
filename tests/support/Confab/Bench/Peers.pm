# The peers that the benchmarks compare with, and an nginx for all that stands behind one: the site's own include file, one
# worker (there is one CPU for the servers), and descriptors for as many clients as there can be.
#
# Debian's packages are only looked for; npm's are installed into build/bench/peers from tests/bench/peers. A peer that is
# not there is skipped, and a line says so.
package Confab::Bench::Peers;
use v5.36;
use Confab::Bench qw(server client free_port conninfo limit source_folder build_folder);

my $sources = source_folder() . '/tests/bench/peers';
my $modules = source_folder() . '/build/bench/peers';
my $nchan   = '/usr/lib/nginx/modules/ngx_nchan_module.so';

sub skipped ($what, $why) {
    say "skipped: $what ($why)";
    return 0;
}

# nginx in front of a site; server, http, main: further lines of those blocks. { port, pid }
sub nginx ($site, %more) {
    my $port   = free_port();
    my $folder = build_folder() . "/nginx-$port";
    my $files  = limit();
    my $user   = $> == 0 ? 'user root root;' : '';
    system 'mkdir', '-p', "$folder/tmp";
    write_file("$folder/nginx.conf", <<"TEXT");
${\ ($more{main} // '') }
daemon off;
$user
worker_processes 1;
worker_rlimit_nofile $files;
pid $folder/nginx.pid;
error_log $folder/error.log warn;
events { worker_connections $files; }
http {
    access_log off;
    client_body_temp_path $folder/tmp/body;
    proxy_temp_path $folder/tmp/proxy;
    fastcgi_temp_path $folder/tmp/fastcgi;
    uwsgi_temp_path $folder/tmp/uwsgi;
    scgi_temp_path $folder/tmp/scgi;
    client_header_buffer_size 1k;
    connection_pool_size 256;
    keepalive_requests 1000000;
    ${\ ($more{http} // '') }
    server {
        listen 127.0.0.1:$port backlog=4096;
        include ${\ $site->state }/nginx/confab.conf;
        ${\ ($more{server} // '') }
    }
}
TEXT
    return { port => $port,
        pid => server("nginx-$port", $port, {}, 'nginx', '-p', "$folder/", '-c', 'nginx.conf', '-e', "$folder/error.log") };
}

sub write_file ($path, $text) {
    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    return $path;
}

# npm's packages, as the lock says.
sub npm () {
    return skipped('Socket.IO, Express', 'npm is not here') unless qx{sh -c 'command -v npm'};
    system 'mkdir', '-p', $modules;
    return 1 if -d "$modules/node_modules" && system("cmp -s $sources/package-lock.json $modules/package-lock.json") == 0;
    system "cp $sources/*.mjs $sources/package.json $sources/package-lock.json $modules/";
    system("cd $modules && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1 </dev/null") == 0
        or return skipped('Socket.IO, Express', "npm ci failed, see $modules/npm.log");
    return 1;
}

# A program of tests/bench/peers, which must stand beside its node_modules.
sub node ($label, $port, $script, @arguments) {
    system "cp $sources/$script $modules/";
    return server($label, $port, { NODE_ENV => 'production' }, 'node', "$modules/$script", $port, @arguments);
}

# What a program needs to reach the site's database: folder of the socket, user, database.
sub database ($site) {
    my ($host) = conninfo($site) =~ /host=(\S+)/;
    return ($host, 'confab', 'confab');
}

# --- fan-out: name => a function that makes one run of wsload with these arguments ---

sub nchan ($site) {
    return skipped('nchan', 'libnginx-mod-nchan is not installed') && () unless -e $nchan;
    my $nginx = nginx($site, main => "load_module $nchan;", server => <<'TEXT');
        location = /nchan/hear {
            nchan_subscriber websocket;
            nchan_channel_id bench;
            nchan_websocket_ping_interval 0;
        }
        location = /nchan/say {
            nchan_publisher http;
            nchan_channel_id bench;
            nchan_store_messages off;
        }
TEXT
    return (nchan => sub (%with) {
        return client('wsload', %with, url => "127.0.0.1:$nginx->{port}/nchan/hear", pids => "peer:$nginx->{pid}",
            together => 1, feed => "http:127.0.0.1:$nginx->{port}/nchan/say");
    });
}

# Two processes, as its adapter is for; half of the sockets at each. The CPU is that of both; Postgres is counted apart.
sub socketio ($site) {
    return () unless npm();
    my @ports = (free_port());
    my $first = node('socketio-1', $ports[0], 'socketio.mjs', database($site));
    push @ports, free_port();
    my $second = node('socketio-2', $ports[1], 'socketio.mjs', database($site));
    my $balanced = nginx($site, http => "upstream socketio { server 127.0.0.1:$ports[0]; server 127.0.0.1:$ports[1]; }",
        server => <<'TEXT');
        location /socket.io/ {
            proxy_pass http://socketio;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_buffering off;
            proxy_buffer_size 2k;
            proxy_read_timeout 60s;
        }
TEXT
    my $path = '/socket.io/?EIO=4&transport=websocket';
    my $run  = sub ($at, $pids, %with) {
        return client('wsload', %with, url => "$at$path", join => '40', joined => '40{"sid"',
            pids => "$pids,postgres:" . $site->pid('postgres'), feed => qq(ws:127.0.0.1:$ports[0]$path 42["m","%m"]), hello => '40');
    };
    return (
        'socketio' => sub (%with) { return $run->("127.0.0.1:$ports[0],127.0.0.1:$ports[1]", "peer:$first,peer:$second", %with) },
        'nginx+socketio' =>
            sub (%with) { return $run->("127.0.0.1:$balanced->{port}", "peer:$first,peer:$second,peer:$balanced->{pid}", %with) },
    );
}

sub fanout ($site) { return (nchan($site), socketio($site)) }

# --- the page: name => [locations for nginx, the http block's lines, a function that starts it and gives its pid] ---

sub php ($folder, $site, $key, $slug) {
    my ($program) = reverse sort glob '/usr/sbin/php-fpm*';
    my $loaded = $program ? qx{$program -m 2>/dev/null} : '';
    return skipped('PHP-FPM', 'php-fpm is not installed')  && undef unless $program;
    return skipped('PHP-FPM', 'php-pgsql is not installed') && undef unless $loaded =~ /^pgsql$/m;
    my $socket = "$folder/php.sock";
    my $conf   = write_file("$folder/php-fpm.conf", <<"TEXT");
[global]
error_log = $folder/php.log
daemonize = no
[bench]
listen = $socket
pm = static
pm.max_children = 4
access.log = $folder/php-access.log
access.format = "%t %m %r %s %l %{micro}d %R"
php_admin_value[opcache.validate_timestamps] = 0
TEXT
    my ($host, $user, $name) = database($site);
    return { server => <<"TEXT", start => sub { server('php', 0, {}, $program, '-n', '-y', $conf, ($> == 0 ? '-R' : ()), php_modules()) } };
        location = /php {
            fastcgi_pass unix:$socket;
            fastcgi_buffer_size 32k;
            fastcgi_buffers 32 8k;
            fastcgi_param SCRIPT_FILENAME $sources/page.php;
            fastcgi_param REQUEST_METHOD \$request_method;
            fastcgi_param REQUEST_URI \$request_uri;
            fastcgi_param QUERY_STRING \$query_string;
            fastcgi_param SKELETON $folder/skeleton.php;
            fastcgi_param KEY $key;
            fastcgi_param SLUG $slug;
            fastcgi_param DATABASE "host=$host port=5432 user=$user dbname=$name";
        }
TEXT
}

# Without the machine's php.ini: only what the page needs.
sub php_modules () {
    my ($folder) = reverse sort glob '/usr/lib/php/2*';
    return ('-d', "extension_dir=$folder", '-d', 'extension=pgsql', -e "$folder/opcache.so" ? ('-d', 'zend_extension=opcache') : ());
}

sub express ($folder, $site, $key) {
    return undef unless npm();
    my $port = free_port();
    return { http => "upstream express { server 127.0.0.1:$port; keepalive 16; }", server => <<'TEXT',
        location /express/ {
            proxy_pass http://express/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }
TEXT
        start => sub { node('express', $port, 'express.mjs', database($site), $key, "$folder/skeleton.json") } };
}

1;
