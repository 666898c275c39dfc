#!/usr/bin/env perl
# A short fault campaign: people post and read while each part breaks in turn. (./dev bench faults is the long one.) And
# the campaign's own judgement, on readers that tell lies.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Mojo::UserAgent;
use Test::More;
use Time::HiRes qw(sleep time);
use Confab::Campaign;
use Confab::Clock qw(running_time stalled);

# A sanitized build on a busy machine takes its time; the long run asks for two seconds.
my $within = 4000;

sub recovers ($name, $did) {
    my $stalled = stalled;
    my $took = $did->();
    my $ran  = int($took - 1000 * (stalled() - $stalled));
    cmp_ok $ran, '<=', $within, "$name ($took ms, ran $ran)";
}

sub is_right ($verdict) {
    is $verdict->{$_}, 0, "$_: none" for qw(lost twice reordered missing stored_twice strange);
    ok $verdict->{good}, 'everything fits together';
}

subtest 'each fault once' => sub {
    my $campaign = Confab::Campaign->new(readers => 5, directs => 1, sockets => 3, forms => 2, rate => 50);
    my @faults   = (
        ['relay-kill'], ['handler-kill'], ['listen-cut'], ['postgres-immediate'], ['handler-kill'], ['relay-stop', 2],
        ['partition-lose', 0.3], ['handlers-kill'], ['partition-cut', 1], ['readers-stall', 2], ['row-lock', 2],
        ['partition-hole', 2], ['connections-cut'], ['relay-kill'],
    );
    for my $fault (@faults) {
        recovers("$fault->[0]: soon over", sub { $campaign->fault(@$fault)->{all} });
    }

    my $ua     = Mojo::UserAgent->new;
    my $health = sub { $ua->get($campaign->site->url('/live/healthz'))->result->code };
    my ($start, $running) = (time, running_time);
    $campaign->order('fault silence');
    $campaign->proxy('lose');
    ok $campaign->site->wait_until(sub { $health->() == 503 }, 4), 'a database that vanished is noticed';
    unlike $campaign->site->log('relay'), qr/peers sent away/, 'short silence is waited out';
    ok $campaign->site->wait_until(sub { $campaign->site->log('relay') =~ /peers sent away/ }, 6), 'then all are sent away';
    my ($took, $ran) = (time - $start, running_time - $running);
    ok $took > 4.5 && $ran < 8, "five seconds after its last sign of life ($took)";
    $campaign->proxy('pass');
    $campaign->order('back');
    recovers('and come back', sub { $campaign->await('recovered', 30) =~ /all=(\d+)/ ? $1 : die });

    my $verdict = $campaign->finish;
    is_right($verdict);
    cmp_ok $verdict->{acknowledged}, '>', 300, "$verdict->{acknowledged} messages were acknowledged";
    cmp_ok $verdict->{shown}, '>=', 4 * $verdict->{stored}, 'and shown';
    ok $campaign->site->end, 'no sanitizer complains';
};

subtest 'a wrong feed is found' => sub {
    my ($site, $first) = (undef, 0);
    for my $wrong ([right => ''], [drop => 'lost'], [twice => 'twice'], [swap => 'reordered'], [lie => 'missing'], [row => 'stored_twice']) {
        my ($name, $found) = @$wrong;
        my $campaign = Confab::Campaign->new(
            partition => 0, readers => 2, sockets => 2, forms => 1, rate => 200, $site ? (site => $site) : (),
            wrong => $name, first => $first += 10_000, # numbers are not used again
        );
        $site = $campaign->site;
        sleep 1;
        my $verdict = $campaign->finish(sub ($rows) { push @$rows, $rows->[-1] =~ s/^\d+/1 + $&/er if $name eq 'row' });
        is_right($verdict) if $name eq 'right';
        is $verdict->{$found}, 1, "$name: $found" if $found;
        ok !$verdict->{good}, 'which is not good' if $found;
    }
    ok $site->end, 'no sanitizer complains';
};

done_testing;
