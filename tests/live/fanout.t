#!/usr/bin/env perl
# One broadcast, and all that can happen to its readers in the same turn: the relay is stopped, some say goodbye, some
# vanish, some break a rule, some join, some leave, some sleep with a full queue, messages come; then it goes on and finds
# all of that at once. Who stays hears everything once, in order.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::JSON qw(decode_json to_json);
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Confab::Relay;
use Confab::Site;
use Confab::Wire qw(TEXT CLOSE frame heartbeat_message);

my $site  = Confab::Site->new;
my $relay = Confab::Relay->new($site, CONFAB_RELAY_PEER_QUEUE => '16 KiB', CONFAB_LIMITS_RATE => '1000/1s');
my $lobby = 'room:lobby';

sub said ($event, $ref = '1') { frame(1, TEXT, to_json(['1', $ref, $lobby, $event, {}])) }

# A member of the lobby; its rev.
sub member {
    my $wire = Confab::Wire->new(port => $relay->port);
    $wire->send(said('phx_join'));
    my (undef, $reply) = $wire->read;
    $wire->{rev} = decode_json($reply)->[4]{response}{rev};
    return $wire;
}

# The revs of all messages that it hears, up to that one.
sub revs ($wire, $last) {
    my @revs;
    while (my ($opcode, $payload) = $wire->read) {
        next unless $opcode == TEXT;
        my $frame = decode_json($payload);
        push @revs, $frame->[4]{rev} if $frame->[3] eq 'new_message';
        last if @revs && $revs[-1] >= $last;
    }
    return @revs;
}

my %ways = (
    'says goodbye'      => sub ($wire) { $wire->send(frame(1, CLOSE, pack 'n', 1000)) },
    'is gone'           => sub ($wire) { $wire->socket->close },
    'is gone by reset'  => sub ($wire) { setsockopt $wire->socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0); $wire->socket->close },
    'breaks a rule'     => sub ($wire) { $wire->send(frame(1, 3, '')) },
    'talks nonsense'    => sub ($wire) { $wire->send(frame(1, TEXT, '{}')) },
    'leaves'            => sub ($wire) { $wire->send(said('phx_leave', '2')) },
    'joins anew'        => sub ($wire) { $wire->send(said('phx_join', '2')) },
    'leaves and goes'   => sub ($wire) { $wire->send(said('phx_leave', '2') . frame(1, CLOSE, pack 'n', 1001)) },
    'joins and is gone' => sub ($wire) { $wire->send(said('phx_join', '2')); $wire->socket->close },
    'is busy'           => sub ($wire) { $wire->send(frame(1, TEXT, heartbeat_message('x' x 20_000)) x 3) },
);

for my $round (1 .. 6) {
    my @stay = map { member() } 1 .. 5;
    my @sleep = map { member() } 1 .. 3;
    my %go   = map { my $way = $_; $way => [map { member() } 1 .. 3] } keys %ways;
    my $from = $stay[0]{rev};
    kill STOP => $relay->pid;
    my @names = sort { rand() <=> 0.5 } keys %ways;
    for my $way (splice @names, 0, @names / 2) { $ways{$way}->($_) for $go{$way}->@* }
    $site->psql(q(insert into messages (room_id, name, message) select 1, 'Op', repeat('x', 3990) || n from generate_series(1, 20) n));
    for my $way (@names) { $ways{$way}->($_) for $go{$way}->@* }
    kill CONT => $relay->pid;
    my $last = $from + 20;
    my $wrong = grep { join(' ', map { revs($_, $last) } $_) ne join ' ', $from + 1 .. $last } @stay;
    is $wrong, 0, "round $round: who stays hears everything once, in order";
    my $again = member();
    is $again->{rev}, $last, 'and others come in';
}
# Nobody of these has read anything: the first whose queue is full is closed from within the broadcast that fills it.
my @sleepers = map { member() } 1 .. 10;
my $reader   = member();
for my $round (1 .. 8) {
    $site->psql(q(insert into messages (room_id, name, message) select 1, 'Op', repeat('y', 3990) || n from generate_series(1, 100) n));
    $reader->{rev} += 100;
    is scalar(my @heard = revs($reader, $reader->{rev})), 100, 'who reads hears on';
}
ok $site->wait_until(sub { 10 <= (() = $relay->log =~ /"reason":"queue full"/g) }), 'who sleeps is closed';
is(Confab::Relay->end_all, 0, 'the relay ends in order');
$site->end;
done_testing;
