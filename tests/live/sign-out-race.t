#!/usr/bin/env perl
# A thousand sign-outs, raced against pushes, joins and new connections of their sessions, while parts break: nothing that
# was begun after the answer is accepted or heard. (./dev bench signout has ten times as many of each.)
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::SignOut;

my $site = Confab::SignOut::site_behind_proxy();

for my $way (
    [ 'nothing breaks',                                400 ],
    [ 'LISTEN is cut all the time',                    200, 'listen-cut' ],
    [ 'the relay is stopped for moments',              200, 'relay-stop' ],
    [ 'the relay is cut off from Postgres for moments', 200, 'database-cut' ],
) {
    my ($name, $count, @faults) = @$way;
    subtest $name => sub {
        my $said = Confab::SignOut::run($site, race => $count, open => 30, rate => 100, @faults ? (faults => \@faults) : (),
            until => { accepted => 11, late => $count / 40 + 1, heard => 101 });
        cmp_ok $said->{sessions}, '>=', $count, "$said->{sessions} have signed out";
        is $said->{$_}, 0, "$_: none" for @Confab::SignOut::bad;
        cmp_ok $said->{accepted}, '>', 10, "$said->{accepted} pushes accepted before";
        cmp_ok $said->{late_pushes}, '>', $count / 40, "$said->{late_pushes} pushes after, $said->{late_joins} joins, $said->{replays} connections";
        cmp_ok $said->{heard}, '>', 100, "$said->{heard} messages heard";
        note "$_=$said->{$_}" for sort keys %$said;
    };
}

$site->end;
done_testing;
