#!/usr/bin/env perl
# Who is here after something was cut off without a word: a relay from Postgres, a client from its relay, a handler that
# held a poll. The list is right within 30 seconds, and no ghost stays in the table.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Confab::LongPoll;
use Confab::Phoenix;
use Confab::Relay;
use Confab::SignOut;
use Confab::Site;

my $site  = Confab::SignOut::site_behind_proxy();
my $lobby = 'room:lobby';
my ($url) = Confab::Site::slurp($site->state . '/confab.conf') =~ /^relay_url = (.*)$/m;
my $second = Confab::Relay->new($site, map { ("CONFAB_DATABASE_${_}_URL" => $url) } qw(RELAY LISTEN));    # past the proxy

sub page (%with) {
    my $peer = Confab::Phoenix->new($site, %with);
    is $peer->join($lobby)->{status}, 'ok', 'a page is open';
    return $peer;
}
sub far { return page(url => 'ws://127.0.0.1:' . $second->port . '/live/websocket') }

sub count ($peer) { my ($last) = reverse $peer->heard($lobby, 'presence_count'); return $last ? "$last->{people}/$last->{guests}" : '' }
sub sees ($name, $peer, $count, $seconds = 10) {
    my $start = time;
    ok $peer->wait(sub { count($peer) eq $count }, $seconds), "$name: $count" or diag 'it sees ' . count($peer);
    note sprintf 'after %.1f s', time - $start;
}
sub table { return $site->psql('select count(*) from presences') }

# A page in a process of its own, so that it can be stopped as a whole: then it neither closes nor answers.
sub frozen {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        Mojo::IOLoop->reset({ freeze => 1 });    # or it would read what comes for the pages of its parent
        my $peer = Confab::Phoenix->new($site, url => 'ws://127.0.0.1:' . $second->port . '/live/websocket');
        $peer->join($lobby);
        $peer->rest(60);
        POSIX::_exit(0);
    }
    return $pid;
}

subtest 'a relay is cut off from Postgres' => sub {
    my ($watch, $lost) = (far(), page());
    sees('both are here', $watch, '0/2');
    Confab::SignOut::proxy($site, 'hole');
    sees('who is beyond the cut is gone', $watch, '0/1', 30);
    is table(), 1, 'without a ghost in the table';
    ok $lost->wait(sub { defined $lost->closed }, 10), 'whose page was sent away';
    Confab::SignOut::proxy($site, 'pass');
    my $back;
    ok $site->wait_until(sub { ($back = Confab::Phoenix->new($site)) && !$back->refused }, 15), 'the relay is back';
    is $back->join($lobby)->{status}, 'ok', 'and so is a page';
    sees('both are here again', $_, '0/2') for $watch, $back;
    $_->finish for $watch, $back;
    $watch->rest(1);
};

subtest 'clients are cut off' => sub {
    my $watch = far();
    my $pid = frozen();
    my $poll = Confab::LongPoll->new($site);
    ok $poll->joined($lobby), 'a poll joins';
    my $held = $poll->ask;    # and is never heard of again, though its connection stays
    sees('all three are here', $watch, '0/3', 15);
    kill STOP => $pid;
    sees('who is silent is gone', $watch, '0/1', 30);
    is table(), 1, 'without a ghost in the table';
    kill KILL => $pid;
    waitpid $pid, 0;
    $held->leave;
    $watch->finish;
    $watch->rest(1);
};

subtest 'a handler is killed that holds a poll' => sub {
    my $watch = far();
    $site->take_away('relay');
    my $poll = Confab::LongPoll->new($site);
    ok $poll->joined($lobby), 'a poll joins, at the handlers';
    sees('both are here', $watch, '0/2', 30);
    my $held = $poll->ask;
    $watch->rest(0.5);
    kill KILL => $site->poll_workers;
    is $held->answer->{status}, undef, 'its poll breaks off';
    ok $poll->poll_until(sub { count($poll) eq '0/2' }, 20), 'it polls on, and is here once';
    sees('for the others too', $watch, '0/2');
    is table(), 2, 'and in the table';
    $watch->finish;
};

Confab::Relay->end_all;
$site->end;
done_testing;
