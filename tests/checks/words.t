#!/usr/bin/env perl
# Nothing in the tree knows the machine that it was written on.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Source qw(files slurp each_line);

# In pieces, so that this file passes its own test.
my $paths = join '|', map { "(?<![\\w.])/$_/" } qw(work root home Users);
my $hosts = join '|', map { quotemeta } map { join '.', @$_ } [qw(registry npmjs org)], [qw(deb debian org)], [qw(pypi org)];
my $unfinished = join '|', map { "\\b$_\\b" } 'TO' . 'DO', 'FIX' . 'ME', 'XX' . 'X';

my (@machine, @left);
for my $path (grep { !m{\.(png|ico|woff2)$} } files()) {
    each_line(slurp($path), sub ($number, $line) {
        push @machine, "$path:$number: $line" if $line =~ /$paths|$hosts/;
        push @left, "$path:$number: $line" if $line =~ /$unfinished/;
    });
}
is_deeply \@machine, [], 'no path of one machine and no host of a registry';
is_deeply \@left,    [], 'nothing is marked as unfinished';
unlike slurp('package-lock.json'), qr/"resolved"/, 'the lock names no place to download from';

done_testing;
