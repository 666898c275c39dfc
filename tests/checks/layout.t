#!/usr/bin/env perl
# Who may include whom, where a library's header may stand, and how long a file may be.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Source qw(files c_files slurp without_comments each_line);

my %rank = (base => 0, db => 1, chat => 2, web => 3, live => 4);
my %only = ('libpq-fe.h' => qr{^lib/db/}, 'jwt.h' => qr{^lib/web/jwt\.c$});

# What is wrong with `#include "$name"` in a file; nothing if it is right.
sub wrong_own ($path, $name) {
    return "$name: no way up" if $name =~ m{\.\.};
    my ($from) = $path =~ m{^lib/(\w+)/};
    my ($to)   = $name =~ m{^(?:lib/)?(\w+)/};
    my ($program) = $path =~ m{^(cgi-bin|relay|cli)/};
    return "lib includes the program $name" if $from && $name =~ m{^(cgi-bin|relay|cli)/};
    return "$program includes $name" if $program && $name =~ m{^(cgi-bin|relay|cli)/} && $1 ne $program;
    return unless $from && defined $to && exists $rank{$to};
    return "lib/$from includes $name" if $rank{$to} > $rank{$from};
    return;
}

my @wrong;
for my $path (c_files()) {
    each_line(without_comments(slurp($path)), sub ($number, $line) {
        my $why;
        if ($line =~ /^\s*#\s*include\s+"([^"]+)"/) { $why = wrong_own($path, $1) }
        elsif ($line =~ /^\s*#\s*include\s+<([^>]+)>/) {
            $why = "<$1> stands elsewhere only" if $only{$1} && $path !~ $only{$1};
        }
        push @wrong, "$path:$number: $why" if $why;
    });
}
is_deeply \@wrong, [], 'rooms of lib include to their left only, programs not one another';

my @statuses;
for my $path (grep { m{^(lib|cli)/} } c_files()) {
    each_line(without_comments(slurp($path)), sub ($number, $line) {
        push @statuses, "$path:$number: $line"
            if $line =~ m{"(?:HTTP/1\.[01]|Status:)|\bstatus\s*=\s*[1-5]\d\d\b|\breturn\s+(?:30\d|40\d|41\d|42\d|50\d)\s*;};
    });
}
is_deeply \@statuses, [], 'HTTP status is a word of cgi-bin and relay';

my @long = grep { (slurp($_) =~ tr/\n//) > 500 } files(qr/(\.(c|h|awk|sql|pm|t|mjs|js|css|html|sh)|^dev|\.am|\.ac)$/);
is_deeply \@long, [], 'a file has at most 500 lines';

my @folders = do { my %seen; grep { !$seen{$_}++ } map { m{^lib/(\w+)/} ? $1 : () } c_files() };
is_deeply [ grep { !exists $rank{$_} } @folders ], [], 'lib has no other rooms';

done_testing;
