# The peers that the benchmarks compare with, and an nginx for all that stands behind one: the site's own include file, one
# worker (there is one CPU for the servers), and descriptors for as many clients as there can be.
#
# Debian's packages are only looked for; npm's are installed into build/bench/peers from tests/bench/peers. A peer that is
# not there is skipped, and a line says so.
package Confab::Bench::Peers;
use v5.36;
use Confab::Bench qw(server client free_port conninfo limit source_folder build_folder);

my @nchan = ('/usr/lib/nginx/modules/ngx_nchan_module.so', 'libnginx-mod-nchan');

sub missing ($what, $package) {
    say "skipped: $what ($package is not installed)";
    return;
}

# nginx in front of a site; $more are further locations, $modules lines before `events`. { port, pid }
sub nginx ($site, $more = '', $modules = '') {
    my $port   = free_port();
    my $folder = build_folder() . "/nginx-$port";
    my $files  = limit();
    my $user   = $> == 0 ? 'user root root;' : '';
    system 'mkdir', '-p', "$folder/tmp";
    open my $conf, '>', "$folder/nginx.conf" or die "$folder/nginx.conf: $!";
    print {$conf} <<"TEXT";
$modules
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
    server {
        listen 127.0.0.1:$port backlog=4096;
        include ${\ $site->state }/nginx/confab.conf;
        $more
    }
}
TEXT
    close $conf;
    return { port => $port, folder => $folder,
        pid => server("nginx-$port", $port, {}, 'nginx', '-p', "$folder/", '-c', 'nginx.conf', '-e', "$folder/error.log") };
}

# Servers that fan out: name => a function that makes one run of wsload with these arguments.
sub fanout ($site) {
    return ();
}

1;
