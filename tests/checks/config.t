#!/usr/bin/env perl
# conf/confab.conf.example explains exactly the keys that the programs know, with their defaults.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Source qw(slurp each_line);

my (%known, %explained, $section, $comment);
my $table = slurp('lib/base/config.c');
$known{"$1.$2"} = $3 while $table =~ /\{ "(\w+)", "(\w+)", VALUE_\w+, AT\(\w+\), (?:"([^"]*)"|PKGDATADIR)/g;
each_line(slurp('conf/confab.conf.example'), sub ($number, $line) {
    if    ($line =~ /^\[(\w+)\]/)                      { ($section, $comment) = ($1, 0) }
    elsif ($line =~ /^#(\w+) =\s*(.*)$/ && $section) { $explained{"$section.$1"} = $2; $comment = 0 }
});
ok %known > 20, 'the table was found';
is_deeply [ sort keys %explained ], [ sort keys %known ], 'each key is there, and no other';
for my $key (sort keys %known) {
    is $explained{$key}, $known{$key} // '/usr/share/confab', "$key: its default";
}
done_testing;
