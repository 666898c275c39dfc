# A connection to the database that breaks at the worst moments: nobody is told that something failed which was stored, and
# nothing is stored twice. A relay of bytes stands between the handler and Postgres and cuts where it is told to.
use v5.36;
use Confab::Browser;
use Confab::Site;
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;

my $site   = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
my $folder = $site->psql('show unix_socket_directories');
my $cutter = $site->state . '/cutter';
mkdir $cutter or die "mkdir: $!";

# In a process of its own: passes everything on, but cuts the first $cuts times that $what is run, before it reaches
# Postgres or after Postgres has answered it. Returns its pid.
sub cutter ($what, $when, $cuts) {
    unlink "$cutter/.s.PGSQL.5432";
    my $listener = IO::Socket::UNIX->new(Local => "$cutter/.s.PGSQL.5432", Listen => 5) or die "listen: $!";
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    local $SIG{TERM} = 'DEFAULT';
    while (my $client = $listener->accept) {
        my $server = IO::Socket::UNIX->new(Peer => "$folder/.s.PGSQL.5432") or POSIX::_exit(1);
        my ($select, $answering) = (IO::Select->new($client, $server), 0);
        CONNECTION: while (my @ready = $select->can_read) {
            for my $from (@ready) {
                sysread $from, my $bytes, 65536 or last CONNECTION;
                if ($from == $client && $cuts > 0 && $bytes =~ /B....\0\Q$what\E\0/s) {    # Bind
                    $cuts--;
                    last CONNECTION if $when eq 'before';
                    $answering = 1;
                }
                if ($from == $server && $answering) {
                    last CONNECTION if $bytes =~ /Z\0\0\0\x05.\z/s;                          # ReadyForQuery
                    next;
                }
                syswrite $from == $client ? $server : $client, $bytes;
            }
        }
        close $_ for $client, $server;
    }
    POSIX::_exit(0);
}

sub asker ($method, $path, %with) {
    return $site->cgi($method, $path, (map { $_ => $with{$_} } grep { defined $with{$_} } qw(form cookie headers)),
        env => { CONFAB_DATABASE_URL => "host=$cutter port=5432 dbname=confab user=confab_handler" });
}

my $round = 0;

# A post while the cutter is at work; its answer, the browser, and the room.
sub post_through (@how) {
    my $slug = 'lost-' . ++$round;
    $site->psql("insert into rooms (slug, name) values ('$slug', '$slug')");
    my $pid = cutter(@how);
    my $browser = Confab::Browser->new(\&asker, $site->origin);
    $browser->get("/rooms/$slug");
    my $status = $browser->submit(name => 'Bo', message => 'said once')->{status};
    return ($status, $browser, sub { $site->psql("select count(*), coalesce(max(seq), 0) from messages m join rooms r on r.id = room_id where slug = '$slug'") }, $pid);
}

sub finish ($pid) {
    kill TERM => $pid;
    waitpid $pid, 0;
}

for my $when ('before', 'after') {
    subtest "the connection breaks once, $when the insert" => sub {
        my ($status, $browser, $stored, $pid) = post_through(message_insert => $when, 1);
        is $status, 303, 'the post goes through';
        is $stored->(), '1|1', 'stored once';
        finish($pid);
    };
    subtest "the connection breaks twice, $when the insert" => sub {
        my ($status, $browser, $stored, $pid) = post_through(message_insert => $when, 2);
        is $status, 503, 'the handler does not know';
        is $stored->(), $when eq 'after' ? '1|1' : '0|0', 'what Postgres does';
        is $browser->field('message'), 'said once', 'the text is offered again';
        is $browser->submit->{status}, 303, 'and can be sent again';
        is $stored->(), '1|1', 'stored once in the end';
        finish($pid);
    };
}

for my $query (qw(room_find throttle_take room_ring message_by_client_id message_room_latest)) {
    for my $when ('before', 'after') {
        subtest "the connection breaks $when $query" => sub {
            my ($status, $browser, $stored, $pid) = post_through($query => $when, 1);
            is $status, 303, 'the post goes through';
            is $stored->(), '1|1', 'stored once';
            finish($pid);
        };
    }
}

unlike $site->log('cgi'), qr/said once/, 'no log holds what was said';
done_testing;
