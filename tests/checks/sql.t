#!/usr/bin/env perl
# SQL stands in sql/ and reaches Postgres as prepared statements with parameters.
use v5.36;
use FindBin qw($Bin);
use lib "$Bin/../support";
use Test::More;
use Confab::Source qw(files c_files slurp without_comments strings each_line);

# The bookkeeping around the migrations must run before there is a schema to prepare against.
my @statements;
for my $path (grep { $_ ne 'lib/db/migration.c' } c_files()) {
    for (strings($path)) {
        my ($number, $text) = @$_;
        push @statements, "$path:$number: $text"
            if $text =~ /\b(?:select\s.*\bfrom\b|select\s+\w+\(|insert\s+into\b|update\s+\w+\s+set\b|delete\s+from\b)/i;
    }
}
is_deeply \@statements, [], 'no statement stands in C';

my @calls;
for my $path (c_files()) {
    each_line(without_comments(slurp($path)), sub ($number, $line) {
        # db_script runs whole files of sql/, which the operator's tool alone asks for.
        return if $path eq 'lib/db/db.c' && $line =~ /PQsendQuery\(db->connection, sql\)/;
        # LISTEN takes no parameters: one fixed text names all channels. A ping is the empty query.
        return if $path eq 'lib/db/listener.c' && $line =~ /PQsendQuery\(listener->connection, (?:listen_to_all|sign_of_life)\)/;
        push @calls, "$path:$number: $1" if $line =~ /\b(PQescape\w*|PQexec|PQsendQuery|PQfn)\s*\(/;
        push @calls, "$path:$number: $1" if $path !~ m{^(?:cli|lib/db)/} && $line =~ /\b(db_script)\s*\(/;
    });
}
is_deeply \@calls, [], 'nothing is escaped by hand or sent as text';

my @numbers = map { m{^sql/migrations/(\d+)} ? $1 : () } files(qr{^sql/migrations/});
is_deeply [ map { $_ + 0 } @numbers ], [ 1 .. @numbers ], 'migrations are numbered without a gap';
is_deeply [ grep { slurp($_) =~ /\t/ } files(qr/\.sql$/) ], [], 'no tabs in SQL';

done_testing;
