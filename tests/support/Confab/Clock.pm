# A clock for "at once?": it stands still while the machine does. A virtual machine is not always run by its host, for
# seconds at times; nobody who is tested can be any sooner then.
#
#     my $began = running_time;
#     ...
#     cmp_ok running_time - $began, '<', 1, 'at once';
#
# It leaves out more rather than less: where one CPU stands still it does not matter whether another runs. So for "not
# before?" and for comparing times Time::HiRes' time is the right one. `./dev test` has tests/support/stalls
# measure; without it nothing stands still.
package Confab::Clock;
use v5.36;
use Exporter qw(import);
use List::Util qw(max min);
use Time::HiRes ();

our @EXPORT_OK = qw(countdown running_time stalled);

# Seconds since some time in the past, without those in which the machine stood still.
sub running_time :prototype() () { return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) - stalled() }

# A countdown of so many seconds of running time (of ten times as many, if the machine never runs): what is left at each call.
sub countdown ($seconds) {
    my ($running, $wall) = (running_time() + $seconds, Time::HiRes::time() + 10 * $seconds);
    return sub { return max(0, min($running - running_time(), $wall - Time::HiRes::time())) };
}

# Seconds for which it stood still since the tests began, or since another meter did; see tests/support/stalls.c.
sub stalled ($meter = $ENV{CONFAB_TESTS} && "$ENV{CONFAB_TESTS}/stalls") {
    return 0 unless $meter;
    open my $file, '<:raw', $meter or return 0;
    sysread $file, my $bytes, 65536 or return 0;
    my ($total, $late, @due) = unpack 'd*', $bytes;
    return 0 unless $late;
    my $overdue = Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) - min(@due);
    return $total + ($overdue > $late ? $overdue : 0);    # that one is not counted yet
}

1;
