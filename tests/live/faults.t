#!/usr/bin/env perl
# What happens to those who are connected when a part goes away, and that nothing is lost over it.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::UserAgent;
use Test::More;
use Time::HiRes qw(time);
use Confab::Clock qw(running_time);
use Confab::Phoenix;
use Confab::Site;

my $site  = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
my $lobby = 'room:lobby';
my $ua    = Mojo::UserAgent->new;

sub guest { Confab::Phoenix->new($site) }
sub health { $ua->get($site->url('/live/healthz'))->result->code }
sub insert ($text) { $site->psql("insert into messages (room_id, name, message) values (1, 'Operator', '$text')") }

# A new connection, as soon as there can be one.
sub again ($seconds = 20) {
    my $peer;
    $site->wait_until(sub { $peer = guest(); !$peer->refused }, $seconds) or BAIL_OUT('the relay does not come back');
    return $peer;
}

subtest 'the relay is killed' => sub {
    my $bob = guest();
    my $reply = $bob->join($lobby)->{response};
    $bob->post($lobby, "message $_") for 1 .. 3;
    $bob->wait(sub { $bob->heard($lobby, 'new_message') == 3 });
    my $pid = $site->pid('relay');
    $site->kill('relay');
    ok $bob->wait(sub { defined $bob->closed }), 'its connections end';
    insert('while it was away');
    my $back  = again();
    my $start = running_time;
    isnt $site->pid('relay'), $pid, 'another process';
    my $caught = $back->join($lobby, { last_rev => $reply->{rev} + 3, epoch => $reply->{epoch} })->{response};
    is_deeply [map { $_->{message} } $caught->{messages}->@*], ['while it was away'], 'what was missed comes with the join, once';
    ok !$caught->{reset}, 'without reset';
    cmp_ok running_time - $start, '<', 3, 'at once';
    is $back->post($lobby, 'goes on')->{status}, 'ok', 'and it goes on';
};

subtest 'the relay is stopped' => sub {
    my @peers = map { guest() } 1 .. 5;
    $_->join($lobby) for @peers;
    my $ref = $peers[0]->say($lobby, new_message => { name => 'Bob', message => 'the last word', client_id => 'last' });
    $peers[0]->rest(0.02);
    $site->kill('relay', 'TERM');
    $_->wait(sub { defined $_->closed }) for @peers;
    is $_->closed, 1012, 'closed with 1012' for @peers;
    is $peers[0]->reply_to($ref)->{status}, 'ok', 'what was asked before is answered before';
    again();
    like $site->log('relay'), qr/"event":"stopped"/, 'and it ends in order';
};

subtest 'the listener is cut off' => sub {
    my $bob = again();
    $bob->join($lobby);
    for my $round (1 .. 3) {
        $site->psql(q(select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'confab-relay%'));
        my $start = running_time;
        insert("round $round");
        ok $bob->wait(sub { $bob->heard($lobby, 'new_message') == $round }, 5), 'a message comes all the same';
        cmp_ok running_time - $start, '<', 3, 'soon';
    }
    is_deeply [map { $_->{message} } $bob->heard($lobby, 'new_message')], ['round 1', 'round 2', 'round 3'], 'each once, in order';
    is $bob->closed, undef, 'the connection stays';
};

subtest 'the database restarts' => sub {
    my $bob = again();
    $bob->join($lobby);
    $site->kill('postgres', 'INT');
    $bob->wait(sub { health() == 503 }, 5);
    is health(), 503, 'the relay says so' if !$site->pid('postgres');
    ok $bob->wait(sub { health() == 200 }, 15), 'until it is back';
    insert('after the restart');
    ok $bob->wait(sub { $bob->heard($lobby, 'new_message') || defined $bob->closed }, 5), 'then all goes on';
    if (defined $bob->closed) {
        is $bob->closed, 1013, 'it took longer than 5 seconds: 1013';
    } else {
        is_deeply [map { $_->{message} } $bob->heard($lobby, 'new_message')], ['after the restart'], 'on the same connection';
        is $bob->heartbeat->{status}, 'ok', 'heartbeats too';
        is $bob->post($lobby, 'and posts')->{status}, 'ok', 'and posts';
    }
};

subtest 'the database is away from the relay for longer' => sub {
    my $bob = again();
    my $reply = $bob->join($lobby)->{response};
    $site->psql('alter role confab_relay nologin');
    my $start = time;
    $site->psql(q(select pg_terminate_backend(pid) from pg_stat_activity where usename = 'confab_relay'));
    ok $bob->wait(sub { health() == 503 }, 5), 'the health page says so';
    insert('nobody hears this');
    is $bob->heartbeat->{status}, 'ok', 'heartbeats are answered';
    is_deeply $bob->post($lobby, 'is anybody there?')->{response}, { reason => 'unavailable' }, 'posts are not';
    is scalar($bob->heard($lobby, 'new_message')), 0, 'nothing is delivered';
    ok $bob->wait(sub { defined $bob->closed }, 10), 'then the connection is closed';
    is $bob->closed, 1013, 'with 1013';
    cmp_ok time - $start, '>', 4.5, 'after five seconds';
    is guest()->refused, 503, 'new ones are refused';
    $site->psql('alter role confab_relay login');
    my $back = again(5);
    my $caught = $back->join($lobby, { last_rev => $reply->{rev}, epoch => $reply->{epoch} })->{response};
    is_deeply [map { $_->{message} } $caught->{messages}->@*], ['nobody hears this'], 'what was missed is caught up with';
    is $back->post($lobby, 'here again')->{status}, 'ok', 'and it goes on';
};

subtest 'a database that went back' => sub {
    my $bob = again();
    $bob->join($lobby);
    $site->psql(q(update rooms set rev = rev - 1 where id = 1; delete from messages where rev = (select max(rev) from messages)));
    ok $bob->wait(sub { $bob->heard($lobby, 'phx_error') }, 5), 'members are told to join anew';
    is $bob->join($lobby)->{status}, 'ok', 'which they can';
    insert('counted again');
    ok $bob->wait(sub { $bob->heard($lobby, 'new_message') }, 5), 'and hear what comes';
};

subtest 'a room that is removed' => sub {
    $site->psql(q(insert into rooms (slug, name) values ('attic', 'Attic')));
    my $bob = again();
    is $bob->join('room:attic')->{status}, 'ok', 'a room';
    $bob->post('room:attic', 'dusty here');
    $site->psql(q(delete from rooms where slug = 'attic'));
    ok $bob->wait(sub { $bob->heard('room:attic', 'phx_close') }, 5), 'its members are told that it is closed';
    is_deeply $bob->post('room:attic', 'hello?')->{response}, { reason => 'unmatched topic' }, 'and it is not there';
};

$site->end;
done_testing;
