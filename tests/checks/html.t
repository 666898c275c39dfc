#!/usr/bin/env perl
# HTML stands in views/, and escapes what it is given; scripts and styles stand in files.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Source qw(files c_files slurp strings each_line);

# What may stand unescaped: HTML that our own views made.
my %made = map { $_ => 1 } qw(html people);

my @tags;
for my $path (c_files()) {
    push @tags, map { "$path:$_->[0]: $_->[1]" } grep { $_->[1] =~ m{</?[a-z][a-z0-9]*[\s>/]|<!}i } strings($path);
}
is_deeply \@tags, [], 'no tag stands in C';

my (@unescaped, @inline, @outside);
for my $path (files(qr{^views/})) {
    each_line(slurp($path), sub ($number, $line) {
        while ($line =~ /\{\{(?:\{|\s*&)\s*([^}\s]+)/g) { push @unescaped, "$path:$number: $1" unless $made{$1} }
        push @inline, "$path:$number" if $line =~ /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:/i;
        push @outside, "$path:$number" if $line =~ m{\b(?:src|href|action)=["'](?:https?:)?//}i;
    });
}
is_deeply \@unescaped, [], 'what is unescaped is on the list';
is_deeply \@inline,    [], 'no script and no style stands in a page';
is_deeply \@outside,   [], 'a page loads nothing from elsewhere';

my @sinks;
for my $path (grep { !m{^static/vendor/} } files(qr{^static/.*\.m?js$})) {
    each_line(slurp($path), sub ($number, $line) {
        # `template.innerHTML = html` is the one door of the server's own HTML.
        push @sinks, "$path:$number: $line"
            if $line =~ /\b(?:outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function)|(?<!template)\.innerHTML\s*=/;
    });
}
is_deeply \@sinks, [], 'scripts make HTML through a template alone';

done_testing;
