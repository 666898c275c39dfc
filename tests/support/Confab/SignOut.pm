# Sign-outs in numbers, by tests/support/signout: raced against all that their sessions do, or timed. Runs beside it can
# break what is around the relay.
#
#     my $said = Confab::SignOut::run($site, race => 1000, faults => ['listen-cut', 'relay-stop']);
#     ok $said->{good};             # { bad_pushes, ..., stored: what was stored of pushes begun later }
#     $said = Confab::SignOut::run($site, latency => 2000);    # { p50, p99, max } in milliseconds
#     $said = Confab::SignOut::run($site, race => 200, until => { accepted => 11, late => 6, heard => 101 }); # or up to
#                                                              # ten times as many sessions, until that much was seen
#
# "database-cut" needs a site whose relay reaches Postgres through a proxy: site_behind_proxy makes one.
package Confab::SignOut;
use v5.36;
use Carp qw(croak);
use IO::Handle;
use IO::Select;
use IPC::Open2 qw(open2);
use Time::HiRes qw(sleep time);
use Confab::Sessions;
use Confab::Site;

my $build = $ENV{CONFAB_BUILD} // croak 'CONFAB_BUILD is not set';
our @bad = qw(bad_pushes bad_joins bad_replays bad_messages bad_open stored);
my %proxies;

sub site_behind_proxy (%env) {
    my $site = Confab::Site->new(CONFAB_LIMITS_RATE => '1000000/1s', %env);
    my ($host) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^relay_url = .*?host=(\S+)/m;
    my $pid = open2(my $said, my $orders, "$build/tests/support/proxy", "$host/.s.PGSQL.5432");
    $orders->autoflush;
    my ($port) = readline($said) =~ /^port (\d+)/;
    $proxies{ $site->state } = { pid => $pid, said => $said, orders => $orders };
    $site->down;
    $site->{env}{"CONFAB_DATABASE_${_}_URL"} = "host=127.0.0.1 port=$port dbname=confab user=confab_relay" for qw(RELAY LISTEN);
    return $site->start;
}

sub proxy ($site, $mode) {
    my $proxy = $proxies{ $site->state } // croak 'no proxy';
    print { $proxy->{orders} } "$mode\n";
    readline $proxy->{said};
}

my %faults = (
    'listen-cut' => sub ($site) {
        $site->psql(q(select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'confab-relay listen'));
        sleep 0.65;
    },
    'relay-stop' => sub ($site) {
        $site->stop('relay');
        sleep 0.1 + rand 0.9;
        $site->cont('relay');
        sleep 0.3 + rand 1;
    },
    'database-cut' => sub ($site) {
        proxy($site, (qw(cut lose hole))[ rand 3 ]);
        sleep 0.2 + rand 2;
        proxy($site, 'pass');
        sleep 0.5 + rand 2;
    },
);

# The program's arguments and what it reads.
sub command ($site, $mode, $count, %with) {
    my $sessions = Confab::Sessions->new($site);
    my @until    = $with{until} ? ($count, $with{until}->@{qw(accepted late heard)}) : ();
    my $file     = $site->state . '/sessions';
    open my $out, '>', $file or croak "$file: $!";
    print {$out} join("\t", $_->{id}, $sessions->csrf($_), $_->{cookie}), "\n" for $sessions->sessions(@until ? 10 * $count : $count);
    close $out;
    my ($url) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^migrate_url = (.*)$/m;
    my @where = $with{where} ? $with{where}->@* : ('unix:' . $site->state . '/run/relay.sock', '127.0.0.1:' . $site->port);
    return ("$build/tests/support/signout", $mode, $file, join(',', @where), $url, $site->origin, $with{open} // 50, $with{rate} // 100,
        @until);
}

sub run ($site, $mode, $count, %with) {
    $site->psql(q(insert into rooms (slug, name) values ('two', 'Two') on conflict do nothing));
    my @command = command($site, $mode, $count, %with);
    my $pid = open(my $said, '-|', @command) // croak "signout: $!";
    my ($line, $ended) = ('');
    while (!$ended && $with{faults}) {
        $faults{ $with{faults}[ rand $with{faults}->@* ] }->($site);
        $ended = IO::Select->new($said)->can_read(0);
    }
    $line = do { local $/; <$said> } // '';
    close $said;
    my $status = $?;
    my %said = ($line =~ /(\w+)=([\d.]+)/g, status => $status);
    $said{stored} = $site->psql(q(select count(*) from messages where message like 'late %'));
    $said{good} = $status == 0 && !grep { !defined $said{$_} || $said{$_} } @bad;
    return \%said;
}

END {
    my $status = $?;
    for my $proxy (values %proxies) {
        close $proxy->{orders};
        waitpid $proxy->{pid}, 0;
    }
    $? = $status;
}

1;
