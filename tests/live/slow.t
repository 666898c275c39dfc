#!/usr/bin/env perl
# Readers that do not read: they are closed, the others do not notice, and the relay's memory stays bounded.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep);
use Test::More;
use Confab::Phoenix;
use Confab::Site;

my $site  = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
my $lobby = 'room:lobby';

sub masked ($opcode, $text) {
    my $len = length $text;
    return chr(0x80 | $opcode) . ($len < 126 ? chr(0x80 | $len) : chr(0x80 | 126) . pack 'n', $len) . "\0\0\0\0$text";
}

# A client that has joined and then sleeps: straight at the relay's socket, as nginx would read for it.
sub sleeper ($cursor = '{}', $read = 65536) {
    my $socket = IO::Socket::UNIX->new(Peer => $site->state . '/run/relay.sock') or die "no socket: $!";
    $socket->syswrite("GET /live/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            . "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    $socket->sysread(my $head, 4096);
    like $head, qr{^HTTP/1\.1 101 }, 'let in';
    $socket->syswrite(masked(1, qq(["1","1","room:lobby","phx_join",$cursor])));
    $socket->sysread(my $reply, $read) if $read;
    return $socket;
}

my $bob      = Confab::Phoenix->new($site);
my $start    = $bob->join($lobby)->{response}{rev};
my @sleepers = map { sleeper() } 1 .. 3;

# So many messages of that many bytes at once, and the bell. Bob has them all before the next come.
my $said = 0;
sub say_many ($count, $size) {
    $site->psql("insert into messages (room_id, name, message) select 1, 'Op', repeat('x', $size) || n from generate_series(1, $count) n;"
            . "select pg_notify('confab_room', '1')");
    $said += $count;
    $bob->wait(sub { $bob->heard($lobby, 'new_message') >= $said || defined $bob->closed }, 20);
}

# 16 MB in front of those who sleep, in bursts that who reads can follow.
say_many(200, 3990) for 1 .. 10;
is $bob->closed, undef, 'who reads stays';
my @heard = map { $_->{rev} } $bob->heard($lobby, 'new_message');
is_deeply \@heard, [$start + 1 .. $start + 2000], 'and hears everything once, in order';
ok $site->wait_until(sub { 3 == (() = $site->log('relay') =~ /"code":1008,"reason":"queue full"/g) }, 10), 'who sleeps is closed with 1008';

# Nor need a reader be as quick as the relay: a burst waits for who takes it a little at a time, for a moment.
sub steady ($messages) {
    my $socket = sleeper();
    my $pid    = fork // die "no process: $!";
    return $pid if $pid;
    my ($heard, $read) = (0, '');
    while ($heard < $messages && $socket->sysread($read, 65536, length $read)) {
        $heard = () = $read =~ /"new_message"/g;
        sleep 0.02;
    }
    POSIX::_exit($heard != $messages);
}
my $steady = steady(150);
say_many(150, 3990);
waitpid $steady, 0;
is $?, 0, 'who reads steadily hears a burst to its end';
is scalar(() = $site->log('relay') =~ /"queue full"/g), 3, 'and is not closed';

# The answer to a join can be longer than the queue may be: who takes a moment to read it is not a slow reader.
my $before = $start + 2150;
say_many(50, 1500) for 1 .. 9;
my $late = sleeper(qq({"last_rev":$before}), 0);
$site->psql(qq(insert into messages (room_id, name, message) values (1, 'Op', 'while it reads'))), sleep 1 for 1 .. 2;
my $read = '';
while (index($read, 'while it reads') < 0 && IO::Select->new($late)->can_read(5)) {
    $late->sysread($read, 1_000_000, length $read) or last;
}
like $read, qr/phx_reply.*(x50\b.*){9}while it reads/s, 'a long catch-up in a busy room arrives';
is scalar(() = $site->log('relay') =~ /"queue full"/g), 3, 'and nobody else is closed';

is $bob->heartbeat->{status}, 'ok', 'the relay goes on';
is $bob->post($lobby, 'well slept?')->{status}, 'ok', 'for everybody';

$site->end;
done_testing;
