#!/usr/bin/perl
# The public Mustache specification, run through `confab render`. No package carries it whole, so it is not here by itself:
#     git clone https://github.com/mustache/spec; MUSTACHE_SPEC=spec/specs prove tests/unit/mustache-spec.t
# CONFAB names the program if it is not ./confab. What confab must hold without it is tests/unit/view/.
use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $spec = $ENV{MUSTACHE_SPEC};
plan skip_all => 'MUSTACHE_SPEC names no folder with the specification' unless $spec && -e "$spec/sections.json";
my $confab = $ENV{CONFAB} // './confab';
my $json   = JSON::PP->new->utf8->allow_nonref->canonical;

sub put {
    my ($path, $bytes) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $bytes;
    close $file or die "$path: $!";
}

sub take {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$file> // '';
}

sub render {
    my ($test) = @_;
    my $folder = tempdir(CLEANUP => 1);
    make_path("$folder/parts");
    my %parts = %{ $test->{partials} // {} };
    put("$folder/parts/$_.mustache", do { my $part = $parts{$_}; utf8::encode($part); $part }) for keys %parts;
    my $template = $test->{template};
    utf8::encode($template);
    put("$folder/template", $template);
    put("$folder/data.json", $json->encode($test->{data}));
    open my $out, '-|', $confab, 'render', "$folder/template", '--data', "$folder/data.json", '--partials', "$folder/parts"
        or die "$confab: $!";
    binmode $out;
    local $/;
    my $text = <$out> // '';
    close $out or $text .= "\n(status " . ($? >> 8) . ')';
    return $text;
}

for my $module (qw(comments delimiters interpolation inverted partials sections ~inheritance)) {
    for my $test (@{ $json->decode(take("$spec/$module.json"))->{tests} }) {
        my $expected = $test->{expected};
        utf8::encode($expected);
        # The specification leaves the entity to us; its tests have &quot; and no apostrophe.
        is(render($test), $expected, "$module: $test->{name}: $test->{desc}");
    }
}
done_testing;
