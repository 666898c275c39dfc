# Every statement of the programs against the migrated schema, with the rights of each program: tests/sql/test-queries.c.
use v5.36;
use Confab::Site;
use Test::More;

my $site   = Confab::Site->new;
my $socket = $site->psql('show unix_socket_directories');
my $build  = $ENV{CONFAB_BUILD} // ($ENV{CONFAB_SOURCE} // '.') . '/build/test';

for my $role (qw(confab_handler confab_relay)) {
    open my $out, '-|', "$build/tests/sql/test-queries", "host=$socket port=5432 dbname=confab user=$role" or die "test-queries: $!";
    my @lines = <$out>;
    close $out;
    is $?, 0, "as $role" or diag grep { !/^ok/ } @lines;
    ok @lines > 30, 'all of them were looked at';
}

is $site->psql('select count(*) from messages'), 0, 'and nothing was written';
done_testing;
