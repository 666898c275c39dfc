# Every statement of the programs against the migrated schema, with the rights of each program: tests/sql/test-queries.c.
use v5.36;
use Confab::Site;
use Test::More;

my $site   = Confab::Site->new;
my $socket = $site->psql('show unix_socket_directories');
my $build  = $ENV{CONFAB_BUILD} // ($ENV{CONFAB_SOURCE} // '.') . '/build/test';

# Sessions begin and end in the handlers, and nobody else sees a password's hash.
my %refused = (
    confab_handler => [],
    confab_relay   => [
        qw(token_start token_renew token_end token_end_all token_revoke token_sweep revocation_sweep),
        qw(user_add user_by_email user_list user_secret user_self user_set_role user_rehash user_set_banned)
    ],
);

for my $role (sort keys %refused) {
    open my $out, '-|', "$build/tests/sql/test-queries", "host=$socket port=5432 dbname=confab user=$role", $refused{$role}->@*
        or die "test-queries: $!";
    my @lines = <$out>;
    close $out;
    is $?, 0, "as $role" or diag grep { !/^ok/ } @lines;
    ok @lines > 30, 'all of them were looked at';
}

is $site->psql('select count(*) from messages'), 0, 'and nothing was written';
done_testing;
