#!/usr/bin/env perl
# S83 A session goes from websocket to long poll and back, between relays and handlers that are killed: nothing is lost, nothing
# comes twice, and all of it in order.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Crossing;

my $found = Confab::Crossing->new(messages => 2000, changes => 20, kills => 20, rate => 160)->run;
is $found->{messages}, 2000, 'each message is stored once';
is $found->{lost}, 0, 'none is lost';
is $found->{twice}, 0, 'none is shown twice';
is $found->{reordered}, 0, 'none is out of order';
is $found->{changes}, 20, 'with 20 changes of the transport';
is $found->{kills}, 20, 'and 20 kills';
note join ', ', map { "$_ $found->{$_}" } sort keys %$found;
done_testing;
