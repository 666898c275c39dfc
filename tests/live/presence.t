#!/usr/bin/env perl
# Who is here, as pages on two relays are told: BEHAVIOURS B, also when relays, connections and tables go away.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Clock qw(running_time);
use Confab::Phoenix;
use Confab::Relay;
use Confab::Sessions;
use Confab::Site;

my $site     = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
my $sessions = Confab::Sessions->new($site);
my $second   = Confab::Relay->new($site);
my $lobby    = 'room:lobby';
my ($ann, $bo) = $sessions->sessions(2);

sub on ($relay) { return (url => 'ws://127.0.0.1:' . $relay->port . '/live/websocket') }

# A page that has joined: of a session, or of a guest.
sub page ($session, $payload = {}, %with) {
    my $peer = $session ? $sessions->phoenix($session, %with) : Confab::Phoenix->new($site, %with);
    is $peer->join($lobby, $payload)->{status}, 'ok', 'a page is open';
    return $peer;
}

# The list as the stock client would have it: key => metas. Differences before the first state are an error.
sub list ($peer) {
    my $list;
    for my $frame (grep { $_->[2] eq $lobby } $peer->all_frames) {
        $list = { map { $_ => [ $frame->[4]{$_}{metas}->@* ] } keys $frame->[4]->%* } if $frame->[3] eq 'presence_state';
        next if $frame->[3] ne 'presence_diff';
        die 'a difference to nothing' if !$list;
        push $list->{$_}->@*, $frame->[4]{joins}{$_}{metas}->@* for keys $frame->[4]{joins}->%*;
        for my $key (keys $frame->[4]{leaves}->%*) {
            my %gone = map { $_->{phx_ref} => 1 } $frame->[4]{leaves}{$key}{metas}->@*;
            $list->{$key} = [ grep { !$gone{ $_->{phx_ref} } } $list->{$key}->@* ];
            delete $list->{$key} if !$list->{$key}->@*;
        }
    }
    return $list;
}
sub people ($peer) { my $list = list($peer) // return; return join ',', sort map { $_->[0]{guest} ? () : $_->[0]{name} } values %$list }
sub count ($peer) { my ($last) = reverse $peer->heard($lobby, 'presence_count'); return $last ? "$last->{people}/$last->{guests}" : '' }

# The page comes to hear of so many, and its list agrees.
sub sees ($name, $peer, $count, $seconds = 10) {
    my $agrees = sub {
        my $list = list($peer) // return;
        my $guests = grep { $_->[0]{guest} } values %$list;
        return count($peer) eq $count && $count eq (keys(%$list) - $guests) . "/$guests";
    };
    my $start = running_time;
    ok $peer->wait($agrees, $seconds), "$name: $count" or diag 'it sees ' . count($peer) . ' and ' . (people($peer) // 'no list');
    return running_time - $start;
}
sub table { return $site->psql('select count(*) from presences') }

subtest 'S35 guests' => sub {
    my $bob = page(undef);
    sees('S35 one guest', $bob, '0/1');
    my $eve = page(undef, { name => 'guest' });
    sees('two guests', $_, '0/2') for $bob, $eve;
    my ($state) = grep { $_->[3] eq 'presence_state' } $eve->all_frames;
    is_deeply [ $state->@[ 0, 1 ] ], [ '1', undef ], 'the state is a push to that join';
    my @metas = map { @$_ } values list($eve)->%*;
    is_deeply [ sort map { $_->{name} // '-' } @metas ], [ '-', 'guest' ], 'S38 with the name that was given, if there was one';
    ok !(grep { !$_->{guest} } @metas), 'S38 a guest is told by a flag';
    ok !(grep { !/^guest:[A-Za-z0-9_-]+$/ } keys list($eve)->%*), 'S33 keys are no text that a person chose';
    my $posing = page(undef, { name => $ann->{name} });
    sees('S38 a guest with a member\'s name is a guest', $bob, '0/3');
    $posing->finish;
    $eve->push($lobby, phx_leave => {});
    sees('S37 who leaves, or closes, is not here', $bob, '0/1');
    $bob->finish;
};

subtest 'S36 a person with three tabs on two relays' => sub {
    my $watch = page(undef);
    my @tabs = (page($ann), page($ann), page($ann, {}, on($second)));
    my $far = page($bo, {}, on($second));
    sees('they show once', $_, '2/1') for $watch, $far, @tabs;
    my $metas = sub { list($watch)->{"user:$ann->{user_id}"} // [] };
    ok $watch->wait(sub { $metas->()->@* == 3 }), 'with a meta for each page';
    is_deeply [ $metas->()[0]->@{qw(name userID)}, !!$metas->()[0]{guest} ], [ $ann->@{qw(name userid)}, !!0 ], 'which says who it is';
    $watch->forget;
    $tabs[0]->finish;
    $tabs[2]->finish;
    ok $watch->wait(sub { $watch->heard($lobby, 'presence_diff') }), 'two tabs are closed';
    $watch->rest(0.5);
    is scalar($watch->heard($lobby, 'presence_count')), 0, 'and nobody has left';
    $tabs[1]->finish;
    sees('they leave with the last', $far, '1/1');
    my $before = $far->all_frames;
    is $far->join($lobby)->{status}, 'ok', 'who joins anew';
    ok $far->wait(sub { $far->heard($lobby, 'presence_state') == 2 }), 'is sent the state again';
    sees('and is the same page as before', $far, '1/1');
    is table(), 2, 'also in the database';
    $_->finish for $watch, $far;
};

subtest 'rooms' => sub {
    $site->psql("insert into rooms (slug, name) values ('other', 'Other')");
    my $bob = page(undef);
    my $eve = Confab::Phoenix->new($site);
    $eve->join('room:other');
    ok $eve->wait(sub { $eve->heard('room:other', 'presence_count') }), 'each room has a list of its own';
    sees('and nobody of another', $bob, '0/1');
    $site->psql("delete from rooms where slug = 'other'");
    $_->finish for $bob, $eve;
};

subtest 'S49 a session that ends' => sub {
    my $watch = page(undef);
    my ($cy) = $sessions->sessions(1);
    my @tabs = (page($cy), page($cy, {}, on($second)));
    sees('is here', $watch, '1/1');
    $sessions->sign_out($cy);
    my $took = sees('and with it its pages leave', $watch, '0/1');
    cmp_ok $took, '<', 3, 'at once';
    my ($di) = $sessions->sessions(1);
    page($di);
    sees('somebody else', $watch, '1/1');
    $site->psql("update users set banned_at = now() where id = $di->{user_id}");
    cmp_ok sees('is banned', $watch, '0/1'), '<', 3, 'and gone at once';
    $watch->finish;
};

subtest 'names' => sub {
    my $watch = page(undef);
    my $tab = page($bo);
    sees('somebody is here', $watch, '1/1');
    $site->psql("update users set name = 'Bo the Great' where id = $bo->{user_id}");
    ok $watch->wait(sub { people($watch) eq 'Bo the Great' }, 20), 'and shows with a new name after a while';
    $_->finish for $watch, $tab;
};

subtest 'typing' => sub {
    my ($tab, $other, $far, $guest) = (page($ann), page($ann), page($bo, {}, on($second)), page(undef, { name => 'Zoe' }));
    sees('all are here', $_, '2/1') for $tab, $far, $guest;
    is $tab->push($lobby, typing => {})->{status}, 'ok', 'typing is answered';
    for my $peer ($other, $far, $guest) {
        ok $peer->wait(sub { $peer->heard($lobby, 'typing') }), 'and told to the others';
        is_deeply [ $peer->heard($lobby, 'typing') ], [ { key => "user:$ann->{user_id}", name => $ann->{name} } ], 'with key and name';
    }
    is scalar($tab->heard($lobby, 'typing')), 0, 'but not to the page itself';
    my $everybody = list($far);
    $far->forget;
    is $guest->push($lobby, typing => {})->{status}, 'ok', 'more of it' for 1 .. 20;
    ok $far->wait(sub { $far->heard($lobby, 'typing') }), 'a guest types';
    $far->rest(0.5);
    is_deeply [ map { $_->{name} } $far->heard($lobby, 'typing') ], ['Zoe'], 'and much of it is told once';
    my ($key) = map { $_->{key} } $far->heard($lobby, 'typing');
    ok exists $everybody->{$key}, 'the key is the one of the list';
    is $site->psql('select count(*) from messages'), 0, 'nothing is stored';
    my ($cy) = $sessions->sessions(1);
    my $gone = page($cy);
    sees('one more', $gone, '3/1');
    $far->forget;
    $sessions->sign_out($cy);
    my $ref = $gone->say($lobby, typing => {});
    $far->rest(1);
    is scalar($far->heard($lobby, 'typing')), 0, 'who has signed out does not type';
    $_->finish for $tab, $other, $far, $guest;
};

subtest 'a relay is killed' => sub {
    my $third = Confab::Relay->new($site);
    my @lost  = (page($ann, {}, on($third)), page(undef, {}, on($third)));
    my $stays = page($bo);
    sees('all are here', $stays, '2/1');
    kill KILL => $third->pid;
    my $took = sees('its pages are gone', $stays, '1/0', 30);
    note sprintf 'after %.1f s', $took;
    is table(), 1, 'without a ghost in the table';
    is $site->psql("select count(*) from presence_leases where owner not in (select owner from presences)"), 1, 'or lease (but the idle relay\'s)';
    $stays->finish;
};

subtest 'a relay is stopped' => sub {
    my $third = Confab::Relay->new($site);
    my $lost  = page($ann, {}, on($third));
    my $stays = page($bo);
    sees('all are here', $stays, '2/0');
    is $third->end, 0, 'it ends in order';
    cmp_ok sees('its pages are gone', $stays, '1/0'), '<', 2, 'at once';
    $stays->finish;
};

subtest 'the tables are emptied' => sub {
    my ($tab, $far) = (page($ann), page($bo, {}, on($second)));
    sees('all are here', $_, '2/0') for $tab, $far;
    $site->psql('truncate presences, presence_leases');
    ok $tab->wait(sub { table() == 2 }, 10), 'they are put in again';
    sees('and the list is right', $_, '2/0') for $tab, $far;
    $site->psql('delete from presences; delete from presence_leases');
    page(undef)->finish;
    ok $tab->wait(sub { table() == 2 }, 10), 'also when something is to be told to a lease that is gone';
    sees('and the list is right', $_, '2/0') for $tab, $far;
    $_->finish for $tab, $far;
};

subtest 'a crowd' => sub {
    my $watch = page(undef, { name => 'Aaa' });
    $site->psql(q{insert into presence_leases (owner, expires_at) values ('crowd', now() + interval '1 hour');
        insert into presences (room_id, ref, owner, name) select 1, 'crowd-' || n, 'crowd', 'Guest ' || to_char(n, 'FM0000') from generate_series(1, 500) n;
        select presence_ring('{1}')});
    ok $watch->wait(sub { count($watch) eq '0/501' }), 'all are counted';
    is scalar(keys list($watch)->%*), 50, 'and the first fifty named';
    my $late = page(undef, { name => 'Zzz' });
    ok $late->wait(sub { count($late) eq '0/502' }), 'who comes hears how many';
    is scalar(keys list($late)->%*), 50, 'and the first fifty';
    $watch->forget;
    my @more = map { page(undef, { name => 'Zz' }) } 1 .. 10;
    ok $watch->wait(sub { count($watch) eq '0/512' }), 'more come';
    is scalar($watch->heard($lobby, 'presence_diff')), 0, 'and are not named';
    $site->psql(q{select 1 from presences limit 1; delete from presences where owner = 'crowd'; delete from presence_leases where owner = 'crowd'; select presence_ring('{1}')});
    ok $_->wait(sub { (list($_) // {})->%* == 12 && count($_) eq '0/12' }), 'when it is gone, all are named again' for $late, $more[0];
    $_->finish for $watch, $late, @more;
};

Confab::Relay->end_all;
$site->end;
done_testing;
