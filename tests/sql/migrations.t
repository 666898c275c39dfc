# From an empty database to today's, once, twice, and by two at the same time.
use v5.36;
use Confab::Site;
use POSIX ();
use Test::More;

my $site   = Confab::Site->new;
my $source = $ENV{CONFAB_SOURCE} // '.';
my $socket = $site->psql('show unix_socket_directories');
my $pgbin  = $ENV{CONFAB_PGBIN} // (sort glob '/usr/lib/postgresql/*/bin')[-1];

my @files = map {s{.*/}{}r} sort glob "$source/sql/migrations/*.sql";

sub url ($database, $user = 'confab') {"host=$socket port=5432 dbname=$database user=$user"}

# The tool on some database: what it said, and its status.
sub migrate ($url) {
    local $site->{env} = { CONFAB_DATABASE_MIGRATE_URL => $url };
    my $said = $site->dev('confab', 'migrate');
    return ($said, $? >> 8);
}

sub schema ($database) {
    open my $dump, '-|', "$pgbin/pg_dump", '-s', '-h', $socket, '-p', 5432, '-U', 'confab', $database or die "pg_dump: $!";
    return join '', grep { !/^\\(?:un)?restrict|^--|^ALTER .* OWNER TO|^\n/ } <$dump>;
}

subtest 'the files' => sub {
    is_deeply [ map { /^(\d{4})_[a-z0-9_]+\.sql$/ ? $1 + 0 : $_ } @files ], [ 1 .. @files ], 'are numbered without a gap';
    is $site->psql("select string_agg(lpad(version::text, 4, '0') || '_' || name || '.sql', ' ' order by version) from schema_migrations"), "@files", 'and each has been applied';
    my $made = Confab::Site::slurp("$source/Makefile.am");
    like $made, qr{sql/migrations/\Q$_\E}, "$_ is built in" for @files;
    unlike Confab::Site::slurp("$source/sql/migrations/$_"), qr/^\s*(?:begin|commit|rollback)\s*;/mi, "$_ leaves the transaction to us" for @files;
};

my $today = schema('confab');

subtest 'again' => sub {
    is_deeply [ migrate(url('confab')) ], [ '', 0 ], 'a second time there is nothing to do';
    ok schema('confab') eq $today, 'and nothing is changed';
};

subtest 'two at once' => sub {
    for my $round (1 .. 3) {
        $site->psql("create database twice$round");
        my (@pids, @outs);
        for (1, 2) {
            my $pid = open(my $out, '-|') // die "fork: $!";
            if (!$pid) {
                my ($said, $status) = migrate(url("twice$round"));
                print "$said$status\n";
                close STDOUT;
                POSIX::_exit(0);
            }
            push @outs, $out;
        }
        my @said = sort map { split /\n/, do { local $/; <$_> } } @outs;
        is_deeply \@said, [ 0, 0, map {s/_/ /r =~ s/\.sql$//r} @files ], "both succeed, and each step was taken once (round $round)";
        ok schema("twice$round") eq $today, 'the same comes out';
    }
};

subtest 'an account that may make no roles' => sub {
    $site->psql('create role plain login');
    $site->psql('create database plain owner plain');
    my ($said, $status) = migrate(url('plain', 'plain'));
    is $status, 0, 'migrates its own database' or diag $said;
    is_deeply [ migrate(url('plain', 'plain')) ], [ '', 0 ], 'twice';
};

subtest 'failures' => sub {
    my ($said, $status) = migrate(url('nowhere'));
    is $status, 1, 'no such database: status 1';
    like $said, qr/\Aconfab migrate: .*"nowhere" does not exist\n\z/s, 'and one clear sentence';
    $site->psql('create database half');
    $site->dev('psql', '-d', 'half', '-qc', 'create table throttles (x int)');
    ($said, $status) = migrate(url('half'));
    is $status, 1, 'a step that fails: status 1';
    like $said, qr/throttles/, 'with its reason';
    my $half = $site->dev('psql', '-XqAt', '-d', 'half', '-c', "select count(*) || ' ' || to_regclass('messages') from schema_migrations");
    is $half, "1 messages\n", 'the steps before it stay, whole';
    $site->dev('psql', '-d', 'half', '-qc', 'drop table throttles');
    is +(migrate(url('half')))[1], 0, 'and the next run goes on from there';
    ok schema('half') eq $today, 'to the same end';
};

done_testing;
