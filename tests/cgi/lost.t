# A connection to the database that breaks at the worst moments: nobody is told that something failed which was stored, and
# nothing is stored twice. A relay of bytes stands between the handler and Postgres and cuts where it is told to.
use v5.36;
use Confab::Browser;
use Confab::Cutter;
use Confab::Site;
use Test::More;

my $site   = Confab::Site->new(CONFAB_LIMITS_RATE => '1000/1s');
my $cutter = Confab::Cutter->new($site->psql('show unix_socket_directories'), $site->state . '/cutter');

sub asker ($method, $path, %with) {
    return $site->cgi($method, $path, (map { $_ => $with{$_} } grep { defined $with{$_} } qw(form cookie headers)),
        env => { CONFAB_DATABASE_URL => $cutter->conninfo });
}

my $round = 0;

# A post while the cutter is at work; its answer, the browser, and the room.
sub post_through (@how) {
    my $slug = 'lost-' . ++$round;
    $site->psql("insert into rooms (slug, name) values ('$slug', '$slug')");
    $cutter->start(@how);
    my $browser = Confab::Browser->new(\&asker, $site->origin);
    $browser->get("/rooms/$slug");
    my $status = $browser->submit(name => 'Bo', message => 'said once')->{status};
    return ($status, $browser, sub { $site->psql("select count(*), coalesce(max(seq), 0) from messages m join rooms r on r.id = room_id where slug = '$slug'") });
}

for my $when ('before', 'after') {
    subtest "the connection breaks once, $when the insert" => sub {
        my ($status, $browser, $stored) = post_through(message_insert => $when, 1);
        is $status, 303, 'the post goes through';
        is $stored->(), '1|1', 'stored once';
    };
    subtest "the connection breaks twice, $when the insert" => sub {
        my ($status, $browser, $stored) = post_through(message_insert => $when, 2);
        is $status, 503, 'the handler does not know';
        is $stored->(), $when eq 'after' ? '1|1' : '0|0', 'what Postgres does';
        is $browser->field('message'), 'said once', 'the text is offered again';
        is $browser->submit->{status}, 303, 'and can be sent again';
        is $stored->(), '1|1', 'stored once in the end';
    };
}

for my $query (qw(room_find throttle_take room_ring message_by_client_id message_room_latest)) {
    for my $when ('before', 'after') {
        subtest "the connection breaks $when $query" => sub {
            my ($status, $browser, $stored) = post_through($query => $when, 1);
            is $status, 303, 'the post goes through';
            is $stored->(), '1|1', 'stored once';
        };
    }
}

for my $query (qw(message_room_latest presence_people)) {
    for my $when ('before', 'within', 'after') {
        subtest "the connection breaks $when $query, of a page that is only read" => sub {
            $site->psql("insert into messages (room_id, name, message) select id, 'Ada', 'still there' from rooms where slug = 'lobby'");
            $cutter->start($query => $when, 1);
            my $answer = asker(GET => '/');
            is $cutter->cuts, 1, 'it does';
            is $answer->{status}, 200, 'the page is shown';
            like $answer->{body}, qr{still there.*</html>}s, 'and whole';
            $cutter->start($query => $when, 2);
            is asker(GET => '/')->{status}, 503, 'if it breaks again, it is 503';
        };
    }
}

unlike $site->log('cgi'), qr/said once/, 'no log holds what was said';
done_testing;
