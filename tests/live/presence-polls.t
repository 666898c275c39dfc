#!/usr/bin/env perl
# Who is here, for those without a websocket: long polls of a relay and of the handlers, and streams. Each counts as a page.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Clock qw(running_time);
use Confab::LongPoll;
use Confab::Phoenix;
use Confab::Relay;
use Confab::Sessions;
use Confab::Site;

my $site     = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
my $sessions = Confab::Sessions->new($site);
my $lobby    = 'room:lobby';
my ($ann) = $sessions->sessions(1);

sub count ($client) { my ($last) = reverse $client->heard($lobby, 'presence_count'); return $last ? "$last->{people}/$last->{guests}" : '' }
sub table { return $site->psql('select count(*) from presences') }

# A poll hears it, sooner or later.
sub hears ($name, $poll, $count, $seconds = 15) {
    my $began = running_time;
    ok $poll->poll_until(sub { count($poll) eq $count }, $seconds), "$name: $count" or diag 'it heard ' . count($poll);
    return running_time - $began;
}
sub sees ($name, $peer, $count, $seconds = 10) {
    ok $peer->wait(sub { count($peer) eq $count }, $seconds), "$name: $count" or diag 'it saw ' . count($peer) . "\n" . $site->psql('select * from presences p left join presence_leases l using (owner)');
}

sub polls ($kind) {
    my $watch = Confab::Phoenix->new($site, $kind->{watch} ? $kind->{watch}->() : ());
    $watch->join($lobby);
    sees('a websocket alone', $watch, '0/1');
    my $bob = Confab::LongPoll->new($site);
    ok $bob->joined($lobby), 'a poll joins';
    sees('and is a guest like any other', $watch, '0/2');
    hears('it is told so itself', $bob, '0/2');
    my ($state) = reverse $bob->heard($lobby, 'presence_state');
    is keys(%$state), 2, 'with the list';
    my $tab = Confab::LongPoll->for($site, $sessions, $ann);
    ok $tab->joined($lobby), 'a member polls';
    sees('and is a person', $watch, '1/2');
    my $took = hears('which other polls hear', $bob, '1/2');
    cmp_ok $took, '<', 12, sprintf 'after %.1f s', $took;
    $tab->say($lobby, phx_leave => {});
    $tab->take($tab->ask->answer);
    sees('who leaves is gone', $watch, '0/2');
    hears('for polls too', $bob, '0/2');
    my $held = $bob->ask;
    $held->leave;
    sees('who goes away without a word is gone', $watch, '0/1', 30);
    is table(), 1, 'also from the table';
    $watch->finish;
}

subtest 'polls of a relay' => sub { polls({}) };

subtest 'a stream is a page' => sub {
    my $watch = Confab::Phoenix->new($site);
    $watch->join($lobby);
    sees('a websocket alone', $watch, '0/1');
    my $stream = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $site->port);
    print {$stream} "GET /rooms/lobby/stream?after=0 HTTP/1.1\r\nHost: 127.0.0.1:" . $site->port . "\r\nSec-Fetch-Dest: iframe\r\n\r\n";
    sees('somebody without JavaScript', $watch, '0/2');
    close $stream;
    sees('goes', $watch, '0/1');
    $watch->finish;
};

subtest 'polls of the handlers' => sub {
    my $other = Confab::Relay->new($site);
    my $idle = Confab::Phoenix->new($site);
    ok $idle->wait(sub { table() == 0 }), 'who has gone is gone';
    $site->take_away('relay');
    polls({ watch => sub { (url => 'ws://127.0.0.1:' . $other->port . '/live/websocket') } });
    $site->bring_back('relay');
};

Confab::Relay->end_all;
$site->end;
done_testing;
