#!/usr/bin/perl
# The clock of tests that ask "at once?" stands still while the machine does; here the meter alone is made to.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../support";
use List::Util qw(min);
use Test::More;
use Time::HiRes qw(sleep time);
use Confab::Clock qw(countdown running_time stalled);

my $file  = "$ENV{CONFAB_TESTS}/stalls-of-the-check";
my $meter = fork // die "fork: $!";
exec "$ENV{CONFAB_BUILD}/tests/support/stalls", $file or die "exec: $!" unless $meter;

my $end = time + 30;
sleep 0.01 until -s $file || time > $end;
ok defined stalled($file), 'it measures from its start on';

my $before = stalled($file);
kill STOP => $meter;
sleep 0.5;
cmp_ok stalled($file) - $before, '>', 0.4, 'who is overdue stalls';
kill CONT => $meter;
sleep 0.2;
cmp_ok stalled($file) - $before, '>', 0.4, 'and has stalled when that is over';

# Between the looks at the clocks there may be a stall: not each time.
my @wrong = map {
    my ($wall, $running, $stalled) = (time, running_time, stalled);
    sleep 0.1;
    my $passed = running_time - $running;
    abs(time - $wall - (stalled() - $stalled) - $passed);
} 1 .. 5;
cmp_ok min(@wrong), '<', 0.02, 'time passes, but for the stalls';

my $left = countdown(0.2);
cmp_ok $left->(), '>', 0, 'a countdown begins with its time';
sleep 0.05 while $left->() && time < $end;
is $left->(), 0, 'and ends';

is stalled("$file-nobody-writes"), 0, 'without a meter nothing stands still';

kill TERM => $meter;
waitpid $meter, 0;
done_testing;
