# A member's page is read in one trip to the database, together with the session: who it was last time is only a guess. And the
# lines that were shown last are neither read nor rendered again while nothing has changed. So whatever does change between one
# page and the next has to be seen by the next, in the same process.
use v5.36;
use Confab::Cutter;
use Confab::Http;
use Confab::Sessions;
use Confab::Site;
use POSIX ();
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

subtest 'what changes of those who wrote' => sub {
    my ($author) = $sessions->sessions(1);
    my $pages = sub { map { page($_)->{body} } $ada, undef };
    $site->psql("insert into messages (room_id, user_id, name, message) values ($room, $author->{user_id}, 'Author', 'by somebody')");
    like $_, qr/data-author="user:\Q$author->{userid}\E"/, 'whose it is' for $pages->();
    my $picture = $site->url('/static/icons/confab.svg');
    $site->psql("update users set picture = '$picture' where id = $author->{user_id}");
    like $_, qr/<img class="avatar" src="\Q$picture\E"/, 'a new picture' for $pages->();
    $site->psql("update users set userid = userid || '-new' where id = $author->{user_id}");
    like $_, qr/data-author="user:\Q$author->{userid}\E-new"/, 'a new userid' for $pages->();
    $site->psql("delete from users where id = $author->{user_id}");
    for my $page ($pages->()) {
        like $page, qr/by somebody/, 'what was said stays';
        unlike $page, qr/\Q$author->{userid}\E/, 'whose author is gone';
    }
};

subtest 'who comes and goes' => sub {
    my @people = $sessions->sessions(60);
    my $list   = sub { map {s/<[^>]+>//gr} page($ada)->{body} =~ m{<li class="(?:guests|person|more)".*?</li>}g };
    my $come   = sub ($ref, $who) { $site->psql("insert into presences (room_id, ref, owner, user_id) values ($room, '$ref', 'test', $who)") };
    my $same   = sub ($count, $what) { is scalar(my @shown = $list->()), $count, $what for 1 .. 3 };
    $same->(0, 'nobody');
    $come->(a1 => $people[0]{user_id});
    $same->(1, 'somebody');
    $come->(a2 => $people[0]{user_id});
    $same->(1, 'twice is once');
    $come->(g1 => 'null');
    $same->(2, 'and a guest');
    like page($ada)->{body}, qr/1 guest</, 'one';
    $come->(g2 => 'null');
    like page($ada)->{body}, qr/2 guests</, 'two' for 1 .. 3;
    $site->psql("update presences set user_id = $people[1]{user_id} where ref in ('a1', 'a2')");
    like page($ada)->{body}, qr/data-user="\Q$people[1]{userid}\E"/, 'somebody else in their place' for 1 .. 3;
    $site->psql("insert into presences (room_id, ref, owner) select $room, 'm' || i, 'test' from generate_series(1, 80) i");
    like page($ada)->{body}, qr/82 guests</, 'many' for 1 .. 3;
    $site->psql("delete from presences where ref = 'm1'");
    like page($ada)->{body}, qr/81 guests</, 'one less' for 1 .. 3;
    $site->psql("delete from presences where user_id is null");
    $site->psql("insert into presences (room_id, ref, owner, user_id) select $room, 'u' || id, 'test', id from users where id in (@{[ join ',', map { $_->{user_id} } @people ]})");
    $same->(51, 'fifty of them, and how many more');
    $site->psql("delete from presences where ref like 'u%' and user_id in (@{[ join ',', map { $_->{user_id} } @people[2 .. 20] ]})");
    $same->(41, 'less');
    $site->psql('truncate presences');
    $same->(0, 'nobody again');
};

subtest 'rooms with the same numbers' => sub {
    my $shown = sub ($slug) { $ask->(GET => "/rooms/$slug", cookie => $ada->{cookie}) };
    $site->psql("insert into rooms (slug, name) values ('left', 'L'), ('right', 'R');
        insert into messages (room_id, name, message) select id, 'Op', 'said in ' || name from rooms where slug in ('left', 'right')");
    for (1, 2) {
        like $shown->('left')->{body},  qr/said in L/, 'the one';
        like $shown->('right')->{body}, qr/said in R/, 'the other';
    }
    $site->psql("update rooms set slug = 'between' where slug = 'left'; update rooms set slug = 'left' where slug = 'right'; update rooms set slug = 'right' where slug = 'between'");
    like $shown->('left')->{body},  qr/said in R/, 'that take the place of each other';
    like $shown->('right')->{body}, qr/said in L/, 'both';
    $site->psql("delete from rooms where slug = 'left'");
    is $shown->('left')->{status}, 404, 'one that is gone';
    $site->psql("insert into rooms (slug, name) values ('left', 'New')");
    unlike $shown->('left')->{body}, qr/said in/, 'and another of its name is empty';
};

subtest 'a change that is not committed' => sub {
    page($ada);
    my $id = $site->psql("select id from messages where room_id = $room and message = 'the first'");
    my $writer = open(my $out, '-|') // die "fork: $!";
    if (!$writer) {
        $site->psql("begin; update messages set message = 'the one' where id = $id; select pg_sleep(1.5); commit");
        POSIX::_exit(0);
    }
    ok $site->wait_until(sub { $site->psql("select count(*) from pg_stat_activity where wait_event = 'PgSleep'") > 0 }), 'it is under way';
    like page($_)->{body}, qr/the first/, 'is not seen' for $ada, undef, $ada;
    close $out;
    like page($_)->{body}, qr/the one/, 'before it is' for $ada, undef;
    $site->psql("update messages set message = 'the first' where id = $id");
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

for my $query (qw(token_find room_stand presence_pages message_room_latest presence_people)) {
    my $moved = $query =~ /latest|people/;    # asked for only if something changed
    for my $when ('before', 'within', 'after') {
        subtest "the connection breaks $when $query" => sub {
            $cutter->start;
            page($ada) for 1, 2;
            $cutter->start($query => $when, 1, skip => $moved ? 0 : 2);
            page($ada) for 1, 2;
            $site->psql("update rooms set rev = rev + 1 where id = $room") if $moved;
            my $answer = page($ada);
            is $cutter->cuts, 1, 'it does';
            is $answer->{status}, 200, 'the page is shown';
            like $answer->{body}, qr{the first.*</html>}s, 'and whole';
            is me($answer), "user:$ada->{userid}", 'to who it is';
        };
    }
}

$cutter->start;
like page($ada)->{body}, qr/the first/, 'still there';
$site->psql('truncate messages');
unlike page($ada)->{body}, qr/the first/, 'until all is taken away';
unlike $site->log('handlers'), qr/"statement failed"/, 'no statement failed';
done_testing;
