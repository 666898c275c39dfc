#!/usr/bin/env perl
# Who says nothing is asked for a sign of life, and closed without one: after 15 and 25 seconds; whoever sends heartbeats,
# as stock clients do every 30 seconds, is let alone until one is overdue: 35 and 45. A queue that nobody takes closes
# the connection after 15 seconds, whatever else it says. Time in which the relay itself did not run is nobody's silence.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Time::HiRes qw(sleep time);
use Confab::Clock qw(running_time);
use Confab::Relay;
use Confab::Site;
use Confab::Wire qw(TEXT PONG frame);

my $site  = Confab::Site->new;
my $relay = Confab::Relay->new($site);

# A client: what it heard so far ("ping " after so many seconds, ...), and whether it answers pings or sends heartbeats.
sub client (%with) {
    my $wire = Confab::Wire->new(port => ($with{on} // $relay)->port);
    $wire->send(frame(1, TEXT, '[null,"1","phoenix","heartbeat",{}]')) if $with{beats};
    return { wire => $wire, began => time, running => running_time, heard => [], refs => 1, %with };
}

sub hear ($client) {
    my $wire = $client->{wire};
    return unless $wire->ready;
    my $heard = $wire->heard;
    push $client->{heard}->@*, [$heard, time - $client->{began}, running_time - $client->{running}];
    $wire->send(frame(1, PONG, '')) if $client->{answers} && $heard =~ /^ping/;
}

# A stock client's next heartbeat follows the reply of the one before.
sub beat ($client, $every) {
    return if !$every || time - $client->{began} < $client->{refs} * $every;
    $client->{wire}->send(frame(1, TEXT, sprintf '[null,"%d","phoenix","heartbeat",{}]', ++$client->{refs}));
}

# What it heard of that kind.
sub heard ($client, $what) { grep { $_->[0] =~ $what } $client->{heard}->@* }

# Once, not before a time, and soon after.
sub between ($client, $what, $from, $to, $name) {
    my @heard = heard($client, $what);
    ok @heard == 1 && $heard[0][1] >= $from && $heard[0][2] < $to, $name or diag explain $client->{heard};
}

my $silent   = client();
my $answers  = client(answers => 1);
my $vanished = client(beats => 1);
my $stock    = client(beats => 1, answers => 1, every => 30);
my $late     = client(beats => 1, answers => 1, every => 40);
my @all = ($silent, $answers, $vanished, $stock, $late);

# A relay that does not run from the 5th second to the 35th.
my $second = Confab::Relay->new($site);
my $idle   = client(on => $second, answers => 1);
my $beats  = client(on => $second, beats => 1, answers => 1, every => 10);
push @all, $idle, $beats;

my ($began, @orders) = (time, [5, 'STOP'], [35, 'CONT']);
while (time < $began + 67) {
    kill shift(@orders)->[1] => $second->pid if @orders && time > $began + $orders[0][0];
    for my $client (grep { !heard($_, qr/^end/) } @all) {
        hear($client);
        beat($client, $client->{every});
    }
    sleep 0.02;
}

# Looked at every 0.8 seconds; half a second is for a busy machine.
between($silent, qr/^ping/,       14.9, 16.5, 'who never said anything is pinged after 15 seconds');
between($silent, qr/^close 1008/, 24.9, 26.5, 'and closed after 25');
is_deeply [map { int($_->[1] / 15) } heard($answers, qr/^ping/)], [1 .. 4], 'who answers is pinged every 15 seconds';
is_deeply [heard($answers, qr/^(?:close|end)/)], [], 'and stays';
between($vanished, qr/^ping/,       34.9, 36.5, 'who sent heartbeats is pinged when one is overdue');
between($vanished, qr/^close 1008/, 44.9, 46.5, 'and closed ten seconds later');
is_deeply [map { $_->[0] } $stock->{heard}->@*], ['text 1', 'text 2', 'text 3'], 'who sends one every 30 seconds hears nothing but the replies';
is scalar(my @asked = heard($late, qr/^ping/)), 1, 'who is late with one is asked';
is_deeply [heard($late, qr/^(?:close|end)/)], [], 'and stays';
my ($first) = heard($idle, qr/^ping/);
ok $first && $first->[1] >= 44 && $first->[2] < 46.5, 'who was silent while the relay stood still is pinged after 15 seconds besides'
    or diag explain $idle->{heard};
is_deeply [heard($_, qr/^(?:close|end)/)], [], 'and stays' for $idle, $beats;

done_testing;
