#!/usr/bin/env perl
# systemd reads the units without a word of complaint, and finds the services well shut in.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use File::Temp qw(tempdir);
use Test::More;
use Confab::Source qw(source slurp);

my $root   = source();
my $build  = $ENV{CONFAB_BUILD} // "$root/build/test";
my $folder = tempdir(CLEANUP => 1);
plan skip_all => 'nothing is built' unless -x "$build/confab-relay";

# As they are installed, but with the programs of this build.
my @units;
for my $path (glob "$root/conf/systemd/confab*") {
    my ($name) = $path =~ m{([^/]+)$};
    open my $out, '>', "$folder/$name" or die "$name: $!";
    print {$out} slurp("conf/systemd/$name") =~ s{/usr/libexec/confab/}{$build/}gr;
    close $out;
    push @units, $name;
}
cmp_ok scalar @units, '>=', 6, 'services and their sockets: ' . join ' ', @units;

sub analyze (@what) {
    my $said = qx{cd \Q$folder\E && systemd-analyze @what 2>&1};
    return ($?, $said);
}

my ($status, $said) = analyze('verify', '--man=no', @units);
is $status, 0, 'systemd can read them';
is join("\n", grep { /\bconfab/ } split /\n/, $said), '', 'and has nothing to say about them';

for my $service (grep { /\.service$/ } @units) {
    ($status, $said) = analyze('security', '--offline=yes', '--no-pager', '--threshold=16', $service);
    my ($exposure) = $said =~ /exposure level for \Q$service\E: ([\d.]+)/;
    ok $status == 0, "$service is exposed by no more than 1.6: $exposure" or diag $said;
}

done_testing;
