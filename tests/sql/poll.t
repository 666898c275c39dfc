# The long poll's core on a real database, without its transports: tests/sql/test-poll.c.
use v5.36;
use Confab::Site;
use Test::More;

my $site   = Confab::Site->new;
my $socket = $site->psql('show unix_socket_directories');
my $build  = $ENV{CONFAB_BUILD} // ($ENV{CONFAB_SOURCE} // '.') . '/build/test';

for my $role (qw(confab_handler confab_relay)) {
    local $ENV{CONFAB_CONF}         = $site->state . '/confab.conf';
    local $ENV{CONFAB_DATABASE_URL} = "host=$socket port=5432 dbname=confab user=$role";
    local $ENV{CONFAB_LIMITS_RATE}  = '100000/1s';
    open my $out, '-|', "$build/tests/sql/test-poll", "host=$socket port=5432 dbname=confab user=confab" or die "test-poll: $!";
    my @lines = <$out>;
    close $out;
    is $?, 0, "as $role" or diag grep { !/^ok/ } @lines;
    ok @lines > 60, 'all of it was looked at';
}

is $site->psql("select relpersistence from pg_class where relname = 'mailbox_seq'"), 'p', 'positions outlive a crash: the sequence is logged';
is $site->psql("select string_agg(relpersistence::text, '') from pg_class where relname in ('mailbox', 'mailbox_refs')"), 'uu', 'letters cost no flush: the tables are not';

subtest 'indexes' => sub {
    $site->psql("insert into mailbox (sid, seq, frames, inserted_at) select lpad((n % 500)::text, 22, 'A'), nextval('mailbox_seq'), '[]', now() - n * interval '1 s' from generate_series(1, 5000) n;"
        . "insert into mailbox_refs (sid, ref, inserted_at) select lpad((n % 500)::text, 22, 'A'), n::text, now() - n * interval '1 s' from generate_series(1, 5000) n; analyze mailbox, mailbox_refs");
    my $text = Confab::Site::slurp(($ENV{CONFAB_SOURCE} // '.') . '/sql/queries/mailbox.sql');
    my $sid  = "lpad('7', 22, 'A')";
    my %values = (
        mailbox_answered => "$sid, '{1,2,3}'",
        mailbox_facts    => "$sid, 0, 1000",
        mailbox_after    => "$sid, 0, 100, 1000000",
        mailbox_forget   => "$sid, 7",
        mailbox_sweep    => '4900',
    );
    for my $name (sort keys %values) {
        my ($query) = $text =~ /-- query $name\b[^\n]*\n(.*?);/s;
        my $plan = $site->psql("set plan_cache_mode = force_custom_plan; prepare q as " . ($query =~ s/^--.*\n//gmr) . "; explain execute q($values{$name})");
        unlike $plan, qr/Seq Scan/, "$name finds its rows by an index" or diag $plan;
    }
};

done_testing;
