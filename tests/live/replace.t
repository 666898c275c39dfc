#!/usr/bin/env perl
# A relay is replaced while people are writing, and no message is lost: by a new one on a socket that systemd hands over,
# and by a new one that takes the path over before the old one is stopped.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Fcntl qw(F_SETFD);
use IO::Socket::UNIX;
use Mojo::Util qw(url_escape);
use POSIX ();
use Test::More;
use Confab::Phoenix;
use Confab::Site;

my $site  = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
my $lobby = 'room:lobby';
my $build = $ENV{CONFAB_BUILD} // "$Bin/../../build/test";
my (%relays, $posted);

# A relay of our own beside the site's. socket: handed over as descriptor 3; else it binds the path.
sub relay ($path, $socket = undef) {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        if ($socket) {
            POSIX::dup2(fileno($socket), 3);
            open my $three, '<&=', 3 or POSIX::_exit(126);
            fcntl $three, F_SETFD, 0;    # Perl closes it on exec
            @ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1);
        }
        $ENV{CONFAB_CONF}         = "$site->{state}/confab.conf";
        $ENV{CONFAB_RELAY_LISTEN} = "unix:$path";
        $ENV{ASAN_OPTIONS}        = "log_path=$site->{state}/log/asan:exitcode=99";
        open STDERR, '>>', "$site->{state}/log/relay.log" or POSIX::_exit(126);
        exec "$build/confab-relay" or POSIX::_exit(127);
    }
    $relays{$pid} = 1;
    return $pid;
}

sub stop ($pid) {
    kill TERM => $pid;
    waitpid $pid, 0;
    delete $relays{$pid};
    return $?;
}

END { kill KILL => keys %relays }

sub client ($path) {
    my $url = 'ws+unix://' . url_escape($path) . '/live/websocket';
    my $client;
    $site->wait_until(sub { $client = Confab::Phoenix->new($site, url => $url); $client->tx }, 10);
    return $client;
}

sub post ($client) {
    my $number = ++$posted;
    return $client->post($lobby, "message $number")->{status};
}

# A reader that is cut off joins the next relay with its cursor; what it was shown in all.
sub shown ($client, $reply) {
    $client->wait(sub { defined $client->closed });
    return (map { $_->{seq} } $reply->{messages}->@*), map { $_->{seq} } $client->heard($lobby, 'new_message');
}

sub replaced ($name, $start_first, $start_next) {
    subtest $name => sub {
        my $path   = "$site->{state}/run/other.sock";
        my $before = $posted // 0;
        my $old    = $start_first->($path);
        my $reader = client($path);
        my $writer = client($path);
        $writer->join($lobby);
        my $start = $reader->join($lobby, { last_rev => $before })->{response};
        is post($writer), 'ok', 'a message through the old one' for 1 .. 3;
        $reader->wait(sub { $reader->heard($lobby, 'new_message') == 3 });
        my $next = $start_next->($path, $old);
        $reader->wait(sub { defined $reader->closed });
        is $reader->closed, 1012, 'its connections are closed with 1012';
        $site->psql(q{insert into messages (room_id, name, message) values (1, 'Operator', 'in between')});
        $posted++;
        my $seen  = $before + 3;
        my $again = client($path);
        ok $again->tx, 'the next one takes connections';
        my $rest = $again->join($lobby, { last_rev => $seen, epoch => $start->{epoch} })->{response};
        is post($again), 'ok', 'and messages';
        $again->wait(sub { $again->heard($lobby, 'new_message') });
        is_deeply [ shown($reader, $start), map { $_->{seq} } $rest->{messages}->@*, $again->heard($lobby, 'new_message') ],
            [ $before + 1 .. $before + 5 ], 'each message was shown once, in order';
        is stop($next), 0, 'it ends in order';
    };
}

my $socket;
replaced(
    'a socket that is handed over',
    sub ($path) {
        $socket = IO::Socket::UNIX->new(Local => $path, Listen => 128) or die "$path: $!";
        return relay($path, $socket);
    },
    sub ($path, $old) {
        is stop($old), 0, 'the old one ends in order';
        my $early = IO::Socket::UNIX->new(Peer => $path);
        ok $early, 'who comes while none runs is not refused';
        return relay($path, $socket);
    });
ok -S "$site->{state}/run/other.sock", 'a path that was not its own is left alone';
close $socket;
unlink "$site->{state}/run/other.sock";

replaced(
    'a path that is taken over',
    sub ($path) { relay($path) },
    sub ($path, $old) {
        my $inode = (stat $path)[1];
        my $next  = relay($path);
        $site->wait_until(sub { ((stat $path)[1] // $inode) != $inode }, 5);
        is stop($old), 0, 'the old one ends in order';
        ok -S $path, 'and leaves the path to the new one';
        return $next;
    });

$site->end;
done_testing;
