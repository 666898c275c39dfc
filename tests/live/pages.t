# The pages and posts of the site as they are served: nginx, FastCGI, several workers. Then what only servers can do:
# losing their database, a worker, or being told to stop.
use v5.36;
use Confab::Browser;
use Confab::Http;
use Confab::Site;
use Confab::Suite::Accounts;
use Confab::Suite::Guards;
use Confab::Suite::Pages;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $site = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s', CONFAB_LIMITS_SIGN_IN => '1000/1s', CONFAB_HANDLER_WORKERS => 3);
my @sites = ($site);

sub asker ($where) { return Confab::Http::asker($where, Accept => 'text/html') }

my $ask  = asker($site);
my $logs = sub { return join '', map { my $where = $_; map { $where->log($_) } qw(handlers access nginx) } @sites };

my $with = sub (%env) {
    push @sites, my $other = Confab::Site->new(%env);
    return ($other, asker($other));
};

Confab::Suite::Pages::run($site, $ask, $with, $logs);
Confab::Suite::Accounts::run($site, $ask, $with);
Confab::Suite::Guards::run($site, $ask, $with);
ok $_->end, 'no sanitizer found anything in the other sites' for splice @sites, 1;

sub visitor ($slug) {
    my $browser = Confab::Browser->new($ask, $site->origin);
    $browser->get("/rooms/$slug");
    return $browser;
}

sub room ($slug) {
    $site->psql("insert into rooms (slug, name) values ('$slug', '$slug')");
    return $slug;
}

sub workers () {
    my $master = $site->pid('handlers') // return;
    my @pids = grep { Confab::Site::slurp("/proc/$_/comm") !~ /^confab\.polls/ }    # those of the other pool
        sort split ' ', Confab::Site::slurp("/proc/$master/task/$master/children");
    return @pids;
}

# Do something in a process of its own; the returned sub waits for it and gives what it printed.
sub beside ($work) {
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        $| = 1;
        print $work->() // '';
        close STDOUT;
        POSIX::_exit(0);
    }
    return sub { my $said = do { local $/; <$out> }; close $out; return $said };
}

# Hold a room's row for so many seconds; returns once it is held.
sub hold ($slug, $seconds) {
    my $done = beside(sub { $site->psql("begin; update rooms set name = name where slug = '$slug'; select pg_sleep($seconds); commit") });
    $site->wait_until(sub { $site->psql("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") > 0 });
    return $done;
}

subtest 'a fallen worker' => sub {
    my @before = workers();
    is scalar @before, 3, 'handler.workers are there';
    kill KILL => $before[0];
    ok $site->wait_until(sub { my @now = workers(); @now == 3 && !grep { $_ == $before[0] } @now }), 'one that fell is replaced';
    kill KILL => workers();
    is $ask->(GET => '/')->{status}, 200, 'a request waits while all of them are';
    ok $site->wait_until(sub { workers() == 3 }), 'and all come back';
    like $site->log('handlers'), qr/"event":"worker ended"/, 'it is logged';
};

subtest 'SIGTERM in the middle of a post' => sub {
    my $slug    = room('stopping');
    my $browser = visitor($slug);
    my $master  = $site->pid('handlers');
    my $held    = hold($slug, 1.5);
    my $post    = beside(sub { $browser->submit(name => 'Bo', message => 'in flight')->{status} });
    ok $site->wait_until(sub { $site->psql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") > 0 }), 'a post waits for the room';
    $site->kill('handlers', 'TERM');
    is $post->(), 303, 'and is finished';
    $held->();
    is $site->psql("select count(*) from messages m join rooms r on r.id = room_id where slug = '$slug'"), 1, 'it is stored, once';
    ok $site->wait_until(sub { !kill 0, $master }), 'the handlers end';
    ok $site->wait_until(sub { ($site->pid('handlers') // $master) != $master && $ask->(GET => '/')->{status} == 200 }), 'and are started anew';
};

subtest 'the database is away, and comes back' => sub {
    my $slug    = room('away');
    my $browser = visitor($slug);
    my $folder  = $site->psql('show data_directory');
    rename "$folder/PG_VERSION", "$folder/PG_VERSION.away" or die "rename: $!";    # it cannot start again yet
    my $postgres = $site->pid('postgres');
    $site->kill('postgres', 'INT');
    ok $site->wait_until(sub { !kill 0, $postgres }), 'Postgres is stopped';
    for my $path ('/', "/rooms/$slug/messages", '/healthz') {
        my $answer = $ask->(GET => $path);
        is $answer->{status}, 503, "$path: 503";
        is $answer->{headers}{'retry-after'}, 5, 'with Retry-After';
    }
    like $ask->(GET => '/', headers => { Accept => 'application/json' })->{headers}{'content-type'}, qr/problem\+json/, 'for programs too';
    my ($action, %form) = $browser->form;
    my $answer = $browser->submit(name => 'Bo', message => "typed <b>before\nit broke");
    is $answer->{status}, 503, 'a post: 503';
    is $browser->field('message'),   "typed <b>before\nit broke", 'what was typed is kept';
    is $browser->field('name'),      'Bo',               'with the name';
    is $browser->field('client_id'), $form{client_id},   'and the client_id';
    is $browser->submit->{status}, 503, 'trying too early changes nothing';
    rename "$folder/PG_VERSION.away", "$folder/PG_VERSION" or die "rename: $!";
    ok $site->wait_until(sub { $ask->(GET => '/healthz')->{status} == 200 }, 20), 'when it is back, the site is well again by itself';
    is $ask->(GET => '/')->{status}, 200, 'at once' for 1 .. 6;
    is $browser->submit->{status}, 303, 'and the form can be sent as it is';
    is $site->psql("select message from messages m join rooms r on r.id = room_id where slug = '$slug'"), "typed <b>before\nit broke", 'stored once';
};

subtest 'every connection of the database cut' => sub {
    my $slug = room('cut');
    my @browsers = map { visitor($slug) } 1 .. 6;
    $site->psql("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'confab_handler'");
    is $_->submit(name => 'Bo', message => 'after the cut')->{status}, 303, 'a post after it goes through' for @browsers;
    is $site->psql("select count(*), max(seq) from messages m join rooms r on r.id = room_id where slug = '$slug'"), '6|6', 'each stored once';

    my $held = hold($slug, 1.5);
    my @posts = map { my $browser = visitor($slug); beside(sub { $browser->submit(name => 'Al', message => 'under way')->{status} }) } 1 .. 2;
    $site->wait_until(sub { $site->psql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") >= 2 });
    $site->psql("select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'confab_handler' and wait_event_type = 'Lock'");
    is_deeply [ map { $_->() } @posts ], [ 303, 303 ], 'posts whose connection was cut under way are sent again';
    $held->();
    is $site->psql("select count(*), max(seq) from messages m join rooms r on r.id = room_id where slug = '$slug'"), '8|8', 'and stored once';
};

subtest 'through nginx' => sub {
    my $host = 'Host: 127.0.0.1:' . $site->port;
    my $csrf_page = visitor('lobby');
    my $body = 'name=Bo&message=in+chunks&_csrf=' . $csrf_page->csrf;
    my $chunked = join '', map { sprintf "%x\r\n%s\r\n", length $_, $_ } unpack('(A7)*', $body), '';
    is Confab::Http::talk($site, "POST /rooms/lobby/messages HTTP/1.1\r\n$host\r\nConnection: close\r\nCookie: " . $csrf_page->cookie
        . "\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n$chunked")->{status}, 303, 'a body in chunks is a body';
    is Confab::Http::talk($site, "GET / HTTP/1.1\r\n$host\r\nConnection: close\r\nProxy: http://evil.example/\r\n\r\n")->{status}, 200, 'a Proxy header is nothing';
    is Confab::Http::talk($site, "GET /rooms/%00 HTTP/1.1\r\n$host\r\nConnection: close\r\n\r\n")->{status}, 400, 'a NUL in a path is refused';
    my $gzip = Confab::Http::talk($site, "GET / HTTP/1.1\r\n$host\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n");
    is $gzip->{headers}{'content-encoding'}, 'gzip', 'pages are compressed';
    unlike $gzip->{headers}{server} // '', qr/\d/, 'no version is told';
    my ($asset) = visitor('lobby')->page->{body} =~ m{href="(/static/[^"]+\.css)"};
    my $static = $ask->(GET => $asset);
    is $static->{status}, 200, 'a static file';
    like $static->{headers}{'cache-control'}, qr/immutable/, 'is kept for ever';
    is $static->{headers}{'x-content-type-options'}, 'nosniff', 'with nosniff';
    like $ask->(GET => "/static/$_")->{status}, qr/^40[034]$/, "/static/$_ shows nothing" for '', 'x.css', '..%2f..%2fviews/rooms/show.mustache';
};

is_deeply [ $site->asan_logs ], [], 'no sanitizer found anything';
done_testing;
