#!/usr/bin/env perl
# C is laid out by .clang-format.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Source qw(source files);

plan skip_all => 'clang-format is not here' unless qx{sh -c 'command -v clang-format'};
chdir source();
for my $path (files(qr/\.[ch]$/)) {
    my $said = qx{clang-format --dry-run -Werror \Q$path\E 2>&1};
    ok $? == 0, $path or diag $said;
}
done_testing;
