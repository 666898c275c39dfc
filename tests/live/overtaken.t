#!/usr/bin/env perl
# Several workers of a relay read joins at the same time, and their answers come back in any order. Here the answer to the
# first join of a room is kept on its way; in the meantime something is written, and somebody else joins and is answered.
# The first one must be shown what was written all the same.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Phoenix;
use Confab::SignOut;

my $site = Confab::SignOut::site_behind_proxy();
my $host = $site->psql('show unix_socket_directories');
$site->down;
$site->{env}{CONFAB_DATABASE_LISTEN_URL} = "host=$host port=5432 dbname=confab user=confab_relay";    # rings are not kept
$site->start;

# The texts that a page was shown in a room, by the answer to its join and since.
sub shown ($page, $topic, $answer) {
    return map { $_->{message} } ($answer->{response}{messages} // [])->@*, $page->heard($topic, 'new_message');
}

# One round, in a room that nobody is in; was the first join overtaken?
sub overtaken ($round) {
    my ($slug, $topic) = ("round-$round", "room:round-$round");
    $site->psql("insert into rooms (slug, name) values ('$slug', 'Round $round')");
    my ($first, $second) = map { Confab::Phoenix->new($site) } 1, 2;
    Confab::SignOut::proxy($site, 'late 2');    # the room, then its messages
    my $ref = $first->{joined}{$topic} = $first->say($topic, phx_join => {}, '1');
    $first->rest(0.2);
    $site->psql("insert into messages (room_id, name, message) select id, 'Op', 'in between' from rooms where slug = '$slug'");
    my $later = $second->join($topic);
    my $kept  = $later && !$first->{replies}{$ref};
    Confab::SignOut::proxy($site, 'pass');
    my $answer = $first->reply_to($ref);
    $first->wait(sub { shown($first, $topic, $answer) }, 5);
    $_->rest(0.3) for $first, $second;
    is_deeply [ shown($first, $topic, $answer) ], ['in between'], "round $round: who joined first is shown it, once";
    $first->post($topic, 'afterwards');
    my $heard = sub ($page, $answer) { scalar grep { $_ eq 'afterwards' } shown($page, $topic, $answer) };
    $first->wait(sub { $heard->($first, $answer) && $heard->($second, $later) });
    $first->rest(0.2);
    is_deeply [ shown($first, $topic, $answer) ], [ 'in between', 'afterwards' ], 'and what comes then';
    is $heard->($second, $later), 1, 'as is the other';
    $_->finish for $first, $second;
    return $kept ? 1 : 0;
}

# Each worker has read a join before: at its first it prepares the statements, which is answered as well.
my @crowd = map { Confab::Phoenix->new($site) } 1 .. 16;
for (1 .. 4) {
    my %refs = map { $_ => $crowd[$_]->say('room:lobby', phx_join => {}, '1') } 0 .. $#crowd;
    is scalar(grep { $crowd[$_]->reply_to($refs{$_})->{status} eq 'ok' } keys %refs), @crowd, 'a crowd joins';
}
$_->finish for @crowd;

my ($rounds, $cases) = (0, 0);
$cases += overtaken(++$rounds) while $cases < 3 && $rounds < 20;
is $cases, 3, "the answer that was kept was that of the join, three times in $rounds rounds";

done_testing;
