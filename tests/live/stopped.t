#!/usr/bin/env perl
# A relay that does not run for a while (stopped here, or as a part of a virtual machine that is not run) while it waits
# for the database: what has been answered meanwhile counts, not how long it took to be read. (Peers that are silent in
# that time: silence.t.)
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Time::HiRes qw(sleep);
use Confab::Phoenix;
use Confab::SignOut;

my $site  = Confab::SignOut::site_behind_proxy();
my $lobby = 'room:lobby';

for my $round (1 .. 2) {
    my $page = Confab::Phoenix->new($site);
    my $rev  = $page->join($lobby)->{response}{rev};
    Confab::SignOut::proxy($site, 'hole');
    $page->rest(1.2);    # a read a second: one is on its way
    $site->stop('relay');
    $site->psql("insert into messages (room_id, name, message) values (1, 'Op', 'while it stood still')");
    sleep 7;
    Confab::SignOut::proxy($site, 'pass');
    sleep 0.5;
    $site->cont('relay');
    ok $page->wait(sub { $page->heard($lobby, 'new_message') || defined $page->closed }), 'something comes';
    is $page->closed, undef, 'and that is not the end';
    is_deeply [ map { $_->{rev} } $page->heard($lobby, 'new_message') ], [ $rev + 1 ], 'but what was written';
    is $page->heartbeat->{status}, 'ok', 'and it goes on';
    $page->finish;
}
like $site->log('relay'), qr/"event":"did not run","ms":\d{4}/, 'the log says for how long it did not run';

done_testing;
