#!/usr/bin/env perl
# Every script can be read by its shell, by perl and by node, and is executable where it is a command.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Source qw(source files slurp);

my $root = source();

sub reads ($path, @command) {
    my $said = qx{cd \Q$root\E && @command \Q$path\E 2>&1};
    ok $? == 0, "$path can be read" or diag $said;
}

for my $path (files()) {
    my ($first) = slurp($path) =~ /\A([^\n]*)/;
    if    ($first =~ m{^#!.*\bbash$|shellcheck shell=bash}) { reads($path, 'bash', '-n') }
    elsif ($first =~ m{^#!/bin/sh})                         { reads($path, 'sh',   '-n') }
    elsif ($path =~ /\.mjs$/)                               { reads($path, 'node', '--check') }
    ok -x "$root/$path", "$path is executable" if $first =~ /^#!/;
}

SKIP: {
    skip 'shellcheck is not here', 1 unless qx{sh -c 'command -v shellcheck'};
    my $said = qx{cd \Q$root\E && shellcheck -x -S warning dev .ci/run conf/assets.sh conf/dev/*.sh 2>&1};
    ok $? == 0, 'shellcheck has nothing to say' or diag $said;
}

done_testing;
