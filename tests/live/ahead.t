# A member's page is read in one trip to the database, together with the session: who it was last time is only a guess, and
# whatever changes between one page and the next is seen by the next, in the same process.
use v5.36;
use Confab::Cutter;
use Confab::Http;
use Confab::Sessions;
use Confab::Site;
use Test::More;

my $site = Confab::Site->new(CONFAB_HANDLER_WORKERS => 1, CONFAB_LIMITS_RATE => '1000/1s');
my $cutter = Confab::Cutter->new($site->psql('show unix_socket_directories'), $site->state . '/cutter')->start;
$site->down;
$site->{env}{CONFAB_DATABASE_URL} = $cutter->conninfo;
$site->start;

my $ask      = Confab::Http::asker($site, Accept => 'text/html');
my $sessions = Confab::Sessions->new($site);
my $room     = $site->psql("insert into rooms (slug, name) values ('ahead', 'Ahead') returning id");
$site->psql("insert into messages (room_id, name, message) values ($room, 'Op', 'the first')");
my $path = '/rooms/ahead';
my ($ada, $bob) = $sessions->sessions(2);
$site->psql("update users set name = 'Ada' where id = $ada->{user_id}; update users set name = 'Bob' where id = $bob->{user_id}");

sub page ($who) { return $ask->(GET => $path, $who ? (cookie => $who->{cookie}) : ()) }
sub me ($answer) { return $answer->{body} =~ /data-me="([^"]*)"/ ? $1 : 'nobody' }

# How many trips a page takes.
sub trips ($who) {
    my $before = $cutter->trips;
    is page($who)->{status}, 200, 'a page is shown';
    return $cutter->trips - $before;
}

subtest 'one trip' => sub {
    page($_) for $ada, $bob, undef;
    is trips(undef), 1, 'of a guest';
    is trips($ada),  1, 'of a member who was here before, session and page';
    is trips($bob),  1, 'and of another';
    my ($new) = $sessions->sessions(1);
    is trips($new), 2, 'of one who was not here yet two';
    is trips($new), 1, 'but once';
    is me(page($_)), "user:$_->{userid}", 'each is shown as who it is' for $ada, $bob, $new;
};

subtest 'what changes between two pages is seen' => sub {
    my $sees = sub ($pattern, $what) { like page($ada)->{body}, $pattern, $what; like page(undef)->{body}, $pattern, "$what, also by a guest" };
    page($ada);
    $site->psql("insert into messages (room_id, name, message) values ($room, 'Op', 'the second')");
    $sees->(qr/the first.*the second/s, 'a message');
    $site->psql("update messages set message = 'it was changed' where message = 'the second'");
    $sees->(qr/the first.*it was changed/s, 'its change');
    $site->psql("update messages set deleted = true where message = 'it was changed'");
    $sees->(qr/the first.*Message deleted/s, 'its end');
    $site->psql("delete from messages where deleted");
    unlike page($ada)->{body}, qr/Message deleted/, 'a line that was taken out by hand';
    $site->psql("insert into presence_leases values ('test', now() + interval '1 hour');
        insert into presences (room_id, ref, owner, user_id) values ($room, 'p1', 'test', $bob->{user_id})");
    $sees->(qr{<span class="name">Bob</span>}, 'who came');
    $site->psql("update users set name = 'Robert' where id = $bob->{user_id}");
    $sees->(qr{<span class="name">Robert</span>}, 'a new name');
    $site->psql("delete from presences");
    unlike page($ada)->{body}, qr{Robert}, 'who went';
    $site->psql("update users set name = 'Ada Lovelace' where id = $ada->{user_id}");
    like page($ada)->{body}, qr/Ada Lovelace/, 'the own new name';
    $site->psql("update rooms set name = 'Behind' where id = $room");
    $sees->(qr/Behind/, 'the name of the room');
    $site->psql("update rooms set slug = 'behind' where id = $room");
    is page($ada)->{status}, 404, 'a room that is elsewhere';
    $site->psql("update rooms set slug = 'ahead' where id = $room");
    is page($ada)->{status}, 200, 'and back';
};

subtest 'a session that ended since' => sub {
    for my $end ("update tokens set ended_as = 'signed_out' where", "update tokens set expires_at = now() where", "delete from tokens where") {
        my ($one, $other) = $sessions->sessions(2);
        is me(page($_)), "user:$_->{userid}", 'a member' for $one, $other, $one;
        $site->psql("$end hash = '$one->{hash}'");
        like me(page($one)), qr/^guest:/, "is a guest after: $end";
        is trips($other), 1, 'another still is one';
        like me(page($one)), qr/^guest:/, 'and the first still is none';
    }
    my ($one) = $sessions->sessions(1);
    page($one) for 1, 2;
    $site->psql("update users set banned_at = now() where id = $one->{user_id}");
    like me(page($one)), qr/^guest:/, 'nor is one who is banned';
};

for my $query (qw(token_find message_room_latest presence_people)) {
    for my $when ('before', 'within', 'after') {
        subtest "the connection breaks $when $query" => sub {
            $cutter->start;
            page($ada) for 1, 2;
            $cutter->start($query => $when, 1, skip => 2);
            page($ada) for 1, 2;
            my $answer = page($ada);
            is $answer->{status}, 200, 'the page is shown';
            like $answer->{body}, qr{the first.*</html>}s, 'and whole';
            is me($answer), "user:$ada->{userid}", 'to who it is';
        };
    }
}

$cutter->start;
page($ada);
unlike $site->log('handlers'), qr/"statement failed"/, 'no statement failed';
done_testing;
